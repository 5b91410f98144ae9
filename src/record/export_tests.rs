use super::*;
use crate::model::outcome::Ending;
use crate::model::record::{AttemptRecord, Said};
use crate::record::sample::record;

const SECRET: &str = "sk-proj-Zq81xWcV55bNmKtR7yLp";

fn records() -> Vec<Arc<RequestRecord>> {
    let odd = |number| {
        let mut record = record(number);
        let profile = Arc::make_mut(&mut record.profile);
        profile.client = Arc::from("=HYPERLINK(\"http://x\",\"a, b\")");
        record.end = RecordEnd::Answered(Ending::CutOff);
        record.attempts.push(AttemptRecord {
            endpoint: "east".into(),
            group: 1,
            at: record.at,
            took: record.total,
            status: Some(200),
            failure: None,
            said: Some(Arc::new(Said { error: Some(SECRET.to_owned()), ..Said::default() })),
        });
        Arc::new(record)
    };
    (0..2_500).map(odd).collect()
}

fn written(format: ExportFormat) -> (String, Vec<usize>) {
    let (mut out, mut steps) = (Vec::new(), Vec::new());
    write(format, &records(), &mut out, &mut |done| steps.push(done)).unwrap();
    (String::from_utf8(out).unwrap(), steps)
}

#[test]
fn json_lines_read_back_as_the_same_requests_without_what_services_said() {
    let (text, steps) = written(ExportFormat::Jsonl);
    let read: Vec<RequestRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((read.len(), steps), (2_500, vec![1_000, 2_000]));
    let mut first = RequestRecord::clone(&records()[0]);
    first.attempts[0].said = None;
    assert_eq!(read[0], first);
}

#[test]
fn the_table_has_a_row_each_and_no_formula() {
    let (text, _) = written(ExportFormat::Csv);
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let headings = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let field = |row: &csv::StringRecord, name: &str| {
        let place = headings.iter().position(|heading| heading == name).unwrap();
        row[place].to_owned()
    };
    assert_eq!(rows.len(), 2_500);
    assert_eq!(field(&rows[7], "request"), "r-000007");
    assert_eq!(field(&rows[7], "end"), "cut off");
    assert_eq!(field(&rows[7], "client"), "'=HYPERLINK(\"http://x\",\"a, b\")");
    assert_eq!(field(&rows[0], "arrived"), "1970-01-01T00:00:00Z");
}

#[test]
fn the_archive_is_one_document_with_an_entry_each_and_its_times() {
    let (text, steps) = written(ExportFormat::Har);
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    let entries = read["log"]["entries"].as_array().unwrap();
    assert_eq!((entries.len(), steps.len()), (2_500, 2));
    assert_eq!(entries[1]["time"], 5.0);
    assert_eq!(entries[1]["startedDateTime"], "1970-01-01T00:00:00.001Z");
    assert_eq!(read["log"]["version"], "1.2");
}

#[test]
fn no_export_holds_what_a_service_said_in_its_own_words() {
    for format in [ExportFormat::Jsonl, ExportFormat::Csv, ExportFormat::Har] {
        assert!(!written(format).0.contains(SECRET), "{format:?}");
    }
}
