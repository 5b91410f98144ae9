//! Findings about the way that connections to services take.
//!
//! Invariant: an address that cannot be one is an error, since nothing is sent then; it is not repeated, as it may hold a password.
//! Absent on purpose: asking whether the proxy is there.

use super::{Findings, Severity};
use crate::model::config::Config;

pub(super) fn way(config: &Config, findings: &mut Findings) {
    if config.upstream.way().is_some() {
        return;
    }
    let proxy = &config.upstream.proxy;
    let message = if proxy.contains('@') {
        "The upstream proxy must not hold a user name or password, which would be a secret in this file. Nothing is sent until it \
         is mended: set proxy = \"system\" and keep them in the variable HTTPS_PROXY."
    } else if proxy.starts_with("https://") || proxy.starts_with("socks") {
        "The upstream proxy is reached by plain HTTP alone, and what goes through it is encrypted to the service. Nothing is sent \
         until it is mended: write it like http://proxy.example:3128."
    } else {
        "The upstream proxy is none, system, or an address like http://proxy.example:3128. Nothing is sent until it is mended."
    };
    findings.add(Severity::Error, "upstream", None, "proxy", message.to_owned());
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use crate::model::config::Config;

    fn said(proxy: &str) -> Vec<String> {
        let text = format!("[upstream]\nproxy = \"{proxy}\"");
        let config: Config = toml_edit::de::from_str(&text).expect("the test's text is sound");
        check(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_proxy_that_cannot_be_one_is_an_error_and_its_password_is_not_repeated() {
        for fine in ["none", "system", "http://proxy.example:3128"] {
            assert_eq!(said(fine), [""; 0], "{fine}");
        }
        let leaky = said("http://me:canary-91c@proxy:3128");
        assert!(leaky[0].starts_with("error: The upstream proxy must not hold") && !leaky[0].contains("canary"));
        assert!(said("https://proxy:3128")[0].contains("by plain HTTP alone"));
        assert!(said("proxy:3128")[0].contains("an address like http://proxy.example:3128"));
    }
}
