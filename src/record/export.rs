//! Records as JSON lines, for other tools.
//!
//! Invariant: one record, one line; nothing leaves that is not in [`RequestRecord`], which holds no key and no body.
//! Absent on purpose: choosing a file, and other formats.

use std::io::{self, Write};

use crate::model::record::RequestRecord;

/// Writes each record as one line of JSON and returns how many were written.
///
/// # Errors
/// Whatever `to` answers; lines before it are written.
pub fn write_jsonl<'r>(records: impl IntoIterator<Item = &'r RequestRecord>, to: &mut impl Write) -> io::Result<u64> {
    let mut written = 0_u64;
    for record in records {
        serde_json::to_writer(&mut *to, record)?;
        to.write_all(b"\n")?;
        written = written.saturating_add(1);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::sample::record;

    #[test]
    fn every_line_reads_back_as_its_record() {
        let records = [record(1), record(2)];
        let mut bytes = Vec::new();
        assert_eq!(write_jsonl(&records, &mut bytes).unwrap(), 2);
        let text = String::from_utf8(bytes).unwrap();
        let read: Vec<RequestRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, records);
    }
}
