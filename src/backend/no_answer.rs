//! Why no answer came from a service at all, in words with one next step.
//!
//! Invariant: what went wrong is read from the errors themselves where these have a type; nothing that was sent is repeated.
//! Absent on purpose: answers with a bad status; whoever asked judges those.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

/// What stood in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Nothing came in time.
    Late,
    /// Nobody listens there.
    Refused,
    /// The name leads nowhere.
    Unknown,
    /// Its certificate's time is over.
    Expired,
    /// Its certificate's time has not begun.
    Early,
    /// Its certificate names another.
    Misnamed,
    /// Its certificate is signed by nobody known here.
    Untrusted,
    /// There is no secure connection to be had, for another reason.
    Insecure,
    /// Something else.
    Other,
}

/// A sentence about `host`, which was given so long; `relayed` is by an upstream proxy.
pub(super) fn words(host: &str, relayed: bool, patience: Duration, error: &reqwest::Error) -> String {
    let cause = if error.is_timeout() { Cause::Late } else { cause(error) };
    let unsent = "so the key was not sent.";
    // From here the two cannot be told apart.
    let there = if relayed { format!("{host}, or the upstream proxy on the way to it,") } else { host.to_owned() };
    match cause {
        Cause::Late => {
            format!("{there} did not answer within {} s. Check the address, or try again.", patience.as_secs())
        }
        Cause::Refused => {
            format!("{there} refuses connections: nothing listens at that port. Check the address and its port.")
        }
        Cause::Unknown => {
            format!("{there} has a name that leads nowhere. Check how it is spelled, and this computer's network.")
        }
        Cause::Expired => {
            format!(
                "The certificate of {host} has expired, {unsent} Have whoever runs it renew it; if it is valid, mend this computer's clock."
            )
        }
        Cause::Early => {
            format!("The certificate of {host} is not valid yet, {unsent} Check this computer's clock.")
        }
        Cause::Misnamed => {
            format!("The certificate of {host} is for another name, {unsent} Use the name that it is for.")
        }
        Cause::Untrusted => {
            format!(
                "This computer does not trust the certificate of {host}, {unsent} If it is your company's, add its authority to this system's."
            )
        }
        Cause::Insecure => {
            format!("{there} gives no secure connection (TLS), {unsent} Check https and the port of the address.")
        }
        Cause::Other => format!("{there} cannot be reached. Check the address and this computer's connection."),
    }
}

/// Goes inwards through an error until one says what happened.
fn cause(error: &(dyn Error + 'static)) -> Cause {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(known) = of(error) {
            return known;
        }
        // What an I/O error wraps is not its source, but what it stands for.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    Cause::Other
}

fn of(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(of_tls(tls));
    }
    let refused =
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    // The connector's own error has no type that could be asked.
    let unknown = || error.to_string() == "dns error";
    refused.then_some(Cause::Refused).or_else(|| unknown().then_some(Cause::Unknown))
}

fn of_tls(error: &rustls::Error) -> Cause {
    let rustls::Error::InvalidCertificate(bad) = error else {
        return Cause::Insecure;
    };
    match bad {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Cause::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Cause::Early,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Cause::Misnamed,
        _ => Cause::Untrusted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a connector wraps what the handshake came to.
    fn wrapped(error: rustls::Error) -> io::Error {
        io::Error::other(io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn each_fault_of_a_certificate_is_told_apart() {
        let of = |error: CertificateError| cause(&wrapped(rustls::Error::InvalidCertificate(error)));
        assert_eq!(of(CertificateError::Expired), Cause::Expired);
        assert_eq!(of(CertificateError::NotValidYet), Cause::Early);
        assert_eq!(of(CertificateError::NotValidForName), Cause::Misnamed);
        assert_eq!(of(CertificateError::UnknownIssuer), Cause::Untrusted);
        assert_eq!(cause(&wrapped(rustls::Error::HandshakeNotComplete)), Cause::Insecure);
        assert_eq!(cause(&io::Error::other("a cable")), Cause::Other);
    }

    #[tokio::test]
    async fn a_refused_connection_and_an_unknown_name_have_their_own_words() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        for (address, said) in [
            (format!("http://{closed}/v1"), "refuses connections"),
            ("http://nowhere.invalid/v1".to_owned(), "leads nowhere"),
        ] {
            let error = client.get(&address).send().await.unwrap_err();
            let words = words("acme.example", false, Duration::from_secs(20), &error);
            assert!(words.starts_with("acme.example") && words.contains(said), "{words}: {error:?}");
        }
    }
}
