use super::*;

const COMMENTED: &str = include_str!("samples/commented.toml");

fn complaint(text: &str) -> String {
    read(text, "config.toml").expect_err("this text is broken").to_string()
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_line() {
    let text = "[[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [{ id = \"a\",\n weight = \"two\" }]\n";
    assert_eq!(complaint(text), "Line 5 of config.toml: `weight` must be a number.");
    assert_eq!(complaint("[listen]\nport = 70000\n"), "Line 2 of config.toml: `port` must be at most 65,535.");
    assert_eq!(
        complaint("[queue]\n\nmax_waiting = -1\n"),
        "Line 3 of config.toml: `max_waiting` must be a number of 0 or more."
    );
    assert_eq!(complaint("account = 3\n"), "Line 1 of config.toml: `account` must be a list of tables.");
    assert_eq!(
        complaint("[[account]]\nid = \"a\"\nservice = \"opanai\"\n"),
        "Line 3 of config.toml: `service` must be one of \"openai\", \"azure\", \"compatible\", \"simulated\"."
    );
    assert_eq!(
        complaint("[[account]]\nid = \"a\"\nservice = \"openai\"\ncredential = { keyring = true, env = \"A\" }\n"),
        "Line 4 of config.toml: `credential` must be { keyring = … } or { env = … } or { command = … }."
    );
}

#[test]
fn a_missing_key_is_named_at_its_tables_header() {
    let text = "# head\n\n[[account]]\nid = \"a\"\n";
    assert_eq!(complaint(text), "Line 3 of config.toml: `service` is missing here.");
}

#[test]
fn broken_toml_is_a_sentence_with_line_and_column() {
    let error = read("[listen]\nport = = 3\n", "config.toml").unwrap_err();
    assert_eq!((error.line, error.column), (2, 8));
    assert!(error.to_string().starts_with("Line 2 of config.toml: this is not TOML"), "{error}");
    assert!(complaint("[listen]\nport = 1\nport = 2\n").starts_with("Line 3 of config.toml: this key"));
}

#[test]
fn no_complaint_quotes_what_was_typed() {
    let canary = "sk-CANARY0123456789abcdef0123456789";
    for text in [
        format!("[listen]\nport = \"{canary}\"\n"),
        format!("[[account]]\nid = \"a\"\nservice = \"{canary}\"\n"),
        format!("[[account]]\nid = \"a\"\nservice = {canary}\n"),
        format!("[[account]]\nid = \"a\"\nservice = \"{canary}\n"),
        format!("{canary}\n"),
        format!("{canary} = 1\n{canary} = 2\n"),
        format!("[[account]]\nid = \"a\"\nservice = \"openai\"\ncredential = {{ {canary} = 1 }}\n"),
        format!("[{canary}]\nx = 1\n[[account]]\n{canary} = 1\nid = \"a\"\nservice = \"openai\"\n"),
    ] {
        let said = match read(&text, "config.toml") {
            Ok(read) => read.findings.iter().map(|finding| finding.message.clone() + "\n").collect(),
            Err(error) => format!("{error} {error:?}"),
        };
        assert!(!said.contains("CANARY"), "{said}");
    }
}

#[test]
fn an_unknown_key_is_a_warning_with_its_line_and_the_key_that_was_meant() {
    let text = "[[endpoint]]\nid = \"e\"\naccount = \"a\"\nmodel = \"m\"\npined = true\n[colour]\nblue = 1\n";
    let read = read(text, "config.toml").unwrap();
    let unknown: Vec<_> = read
        .findings
        .iter()
        .filter(|found| found.message.starts_with("unknown"))
        .map(|found| (found.line, found.message.as_str()))
        .collect();
    assert_eq!(
        unknown,
        [
            (Some(5), "unknown key `pined` is kept but has no effect; did you mean `pinned`?"),
            (Some(6), "unknown key `colour` is kept but has no effect."),
        ]
    );
}

#[test]
fn findings_point_at_the_key_they_are_about() {
    let text = "[[endpoint]]\nid = \"e\"\nmodel = \"m\"\n\naccount = \"nobody\"\n";
    let read = read(text, "config.toml").unwrap();
    let finding = read.findings.iter().find(|finding| finding.at.key == "account").unwrap();
    assert_eq!(finding.line, Some(5));
}

#[test]
fn whatever_is_cut_off_or_broken_is_answered_without_a_panic() {
    for end in (0..COMMENTED.len()).filter(|end| COMMENTED.is_char_boundary(*end)) {
        let _ = read(&COMMENTED[..end], "config.toml");
        let broken = format!("{}]={{{}", &COMMENTED[..end], &COMMENTED[end..]);
        let _ = read(&broken, "config.toml");
    }
}

#[test]
fn the_table_of_keys_knows_every_key_the_configuration_writes() {
    let text = toml_edit::ser::to_string(&crate::store::config_file::tests::full()).unwrap();
    let told = read(&text, "config.toml").unwrap();
    let unknown: Vec<_> = told.findings.iter().filter(|found| found.message.starts_with("unknown")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn assert_written(fields: &[Field], table: &dyn TableLike) {
    for field in fields {
        let item = table.get(field.name).unwrap_or_else(|| panic!("no configuration writes `{}`", field.name));
        match field.kind {
            Kind::Section(inner) => assert_written(inner, item.as_table_like().unwrap()),
            Kind::List(inner) => assert_written(inner, tables(item).unwrap()[0].0),
            Kind::Members(inner) => {
                assert_written(inner, item.as_array().unwrap().get(0).unwrap().as_inline_table().unwrap());
            }
            _ => {}
        }
    }
}

#[test]
fn the_table_of_keys_knows_no_key_that_no_configuration_writes() {
    let document = toml_edit::ser::to_document(&crate::store::config_file::tests::full()).unwrap();
    assert_written(ROOT, document.as_table());
}

#[test]
fn cache_affinity_without_effect_is_found() {
    let with = |spread: &str| {
        let text = format!(
            "[[account]]\nid = \"a\"\nservice = \"simulated\"\n[[endpoint]]\nid = \"e\"\naccount = \"a\"\nmodel = \"m\"\n\
             [[route]]\nmodel = \"m\"\n[[route.group]]\nendpoints = [\"e\"]\nspread = \"{spread}\"\ncache_affinity = true\n"
        );
        let findings = read(&text, "config.toml").expect("sound").findings;
        findings
            .into_iter()
            .map(|finding| finding.message)
            .filter(|message| message.contains("cache_affinity"))
            .collect()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!((with("headroom"), with("latency")), (none.clone(), none));
    let said = "First choice (group 1) of route \"m\": cache_affinity has no effect, as it is not split by headroom or latency.";
    assert_eq!(with("weights"), [said]);
}
