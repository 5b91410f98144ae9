//! Finished requests as a file: JSON lines, a table, or an HTTP archive.
//!
//! Invariant: no key, no body and nothing in a service's own words; a text that a spreadsheet would take for a formula is
//! written as text.
//! Absent on purpose: where the file is, and reading any of this back.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::contract::ExportFormat;
use crate::model::decision::{Conclusion, Verdict};
use crate::model::record::{RecordEnd, RequestRecord};

/// So many requests are written between two words on how far it is.
const STEP: usize = 1_000;

/// Writes `records` in their order, telling now and then how many are written.
///
/// # Errors
/// As the file system says.
pub fn write(
    format: ExportFormat,
    records: &[Arc<RequestRecord>],
    out: &mut impl Write,
    told: &mut impl FnMut(usize),
) -> io::Result<()> {
    match format {
        ExportFormat::Jsonl => lines(records, out, told),
        ExportFormat::Csv => table(records, out, told),
        ExportFormat::Har => archive(records, out, told),
    }
}

/// The ending of a file's name.
#[must_use]
pub const fn ending(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Jsonl => "jsonl",
        ExportFormat::Csv => "csv",
        ExportFormat::Har => "har",
    }
}

fn lines(records: &[Arc<RequestRecord>], out: &mut impl Write, told: &mut impl FnMut(usize)) -> io::Result<()> {
    for (number, record) in records.iter().enumerate() {
        serde_json::to_writer(&mut *out, record)?;
        out.write_all(b"\n")?;
        tell(number, told);
    }
    Ok(())
}

fn tell(number: usize, told: &mut impl FnMut(usize)) {
    if number > 0 && number.is_multiple_of(STEP) {
        told(number);
    }
}

/// One row of the table. The names of its fields are the headings.
#[derive(Serialize)]
struct Row<'a> {
    request: String,
    arrived: String,
    status: u16,
    end: &'static str,
    model: String,
    operation: &'static str,
    streaming: bool,
    endpoint: String,
    group: Option<u32>,
    attempts: usize,
    tokens_in: Option<u64>,
    tokens_cached: Option<u64>,
    tokens_out: Option<u64>,
    tokens_reasoning: Option<u64>,
    tokens_are_exact: Option<bool>,
    transcribed_tokens: Option<u64>,
    transcribed_ms: Option<u64>,
    tokens_reserved: Option<u64>,
    waited_ms: u128,
    first_token_ms: Option<u128>,
    total_ms: u128,
    client: String,
    caller: String,
    priority: &'a str,
    decision: String,
    revision: Option<u64>,
    why: &'static str,
}

impl Row<'_> {
    fn of(record: &RequestRecord) -> Self {
        let (profile, decision) = (&record.profile, record.decisions.last());
        let text = |text: &str| harmless(text);
        Self {
            request: record.id.to_string(),
            arrived: moment(record.wall_ms),
            status: record.status,
            end: end(record.end),
            model: text(profile.model.as_str()),
            operation: profile.operation.path(),
            streaming: profile.streaming,
            endpoint: text(record.endpoint().map_or("", |endpoint| endpoint.as_str())),
            group: record.attempts.last().map(|attempt| attempt.group),
            attempts: record.attempts.len(),
            tokens_in: record.usage.map(|usage| usage.input),
            tokens_cached: record.usage.map(|usage| usage.cached),
            tokens_out: record.usage.map(|usage| usage.output),
            tokens_reasoning: record.usage.map(|usage| usage.reasoning),
            tokens_are_exact: record.usage.map(|usage| usage.exact),
            transcribed_tokens: record.usage.map(|usage| usage.transcribed.tokens),
            transcribed_ms: record.usage.map(|usage| usage.transcribed.millis),
            tokens_reserved: decision.map(|decision| decision.estimate.charge),
            waited_ms: record.waited.as_millis(),
            first_token_ms: record.first_token.map(|span| span.as_millis()),
            total_ms: record.total.as_millis(),
            client: text(&profile.client),
            caller: text(profile.caller.as_ref().map_or("", |caller| caller.as_str())),
            priority: match profile.priority {
                crate::model::config::Priority::Interactive => "interactive",
                crate::model::config::Priority::Normal => "normal",
                crate::model::config::Priority::Bulk => "bulk",
            },
            decision: decision.map_or_else(String::new, |decision| decision.id.to_string()),
            revision: decision.map(|decision| decision.revision),
            why: code(record),
        }
    }
}

/// The code of what was chosen, or of what we did instead.
fn code(record: &RequestRecord) -> &'static str {
    let Some(decision) = record.decisions.last() else { return "" };
    match (decision.conclusion, decision.chosen().map(|candidate| candidate.verdict)) {
        (Conclusion::Held { .. }, _) => "H-01",
        (Conclusion::Refused(_), _) => "H-02",
        (_, Some(Verdict::Chosen(choice))) => choice.code(),
        _ => "",
    }
}

const fn end(end: RecordEnd) -> &'static str {
    use crate::model::outcome::{EndedFor, Ending};
    match end {
        RecordEnd::Answered(Ending::Completed) => "answered",
        RecordEnd::Answered(Ending::CutOff) => "cut off",
        RecordEnd::Answered(Ending::ClientLeft) => "client left",
        RecordEnd::Answered(Ending::Ended(why)) => match why {
            EndedFor::Hand => "ended by hand",
            EndedFor::Stop => "ended by the stop",
            EndedFor::LongAsked => "ended: client said too much at once",
            EndedFor::LongAnswered => "ended: service said too much at once",
            EndedFor::NotTaken => "ended: client took nothing in",
        },
        RecordEnd::Refused => "refused by us",
        RecordEnd::Failed => "failed",
        RecordEnd::LeftWaiting => "left while waiting",
    }
}

/// What begins like a formula gets an apostrophe; spreadsheets hide it.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn moment(wall_ms: u64) -> String {
    let millis = i64::try_from(wall_ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).map(|moment| moment.to_string()).unwrap_or_default()
}

fn table(records: &[Arc<RequestRecord>], out: &mut impl Write, told: &mut impl FnMut(usize)) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    for (number, record) in records.iter().enumerate() {
        table.serialize(Row::of(record)).map_err(io::Error::other)?;
        tell(number, told);
    }
    table.flush()
}

/// HAR 1.2, an entry at a time: a full ring would not fit twice into memory.
fn archive(records: &[Arc<RequestRecord>], out: &mut impl Write, told: &mut impl FnMut(usize)) -> io::Result<()> {
    let creator = json!({"name": "Tidegate", "version": env!("CARGO_PKG_VERSION")});
    write!(out, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[")?;
    for (number, record) in records.iter().enumerate() {
        if number > 0 {
            out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut *out, &entry(record))?;
        tell(number, told);
    }
    out.write_all(b"]}}\n")
}

fn entry(record: &RequestRecord) -> serde_json::Value {
    let millis = |span: std::time::Duration| span.as_secs_f64() * 1_000.0;
    let (waited, total) = (millis(record.waited), millis(record.total));
    let first = record.first_token.map_or(total, millis);
    let kind = if record.profile.streaming { "text/event-stream" } else { "application/json" };
    json!({
        "startedDateTime": moment(record.wall_ms),
        "time": total,
        "request": {
            "method": "POST",
            "url": format!("http://127.0.0.1/v1/{}", record.profile.operation.path()),
            "httpVersion": "HTTP/1.1",
            "cookies": [], "headers": [{"name": "user-agent", "value": &*record.profile.client}], "queryString": [],
            "headersSize": -1, "bodySize": -1,
        },
        "response": {
            "status": record.status, "statusText": end(record.end), "httpVersion": "HTTP/1.1",
            "cookies": [], "headers": [], "redirectURL": "", "headersSize": -1, "bodySize": -1,
            "content": {"size": -1, "mimeType": kind, "comment": "bodies are not kept"},
        },
        "cache": {},
        "timings": {
            "blocked": waited, "send": 0, "wait": (first - waited).max(0.0), "receive": (total - first).max(0.0),
        },
        "_tidegate": record,
    })
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
