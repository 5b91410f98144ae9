//! Writes one batch.
//!
//! Invariant: a batch is written whole or not at all; a bucket or sum that is there already is added to, not replaced.
//! Absent on purpose: deciding when, and what to do when it fails (`writer`).

use rusqlite::{Connection, Transaction, params};

use crate::model::history::{Batch, BucketRow, UsageRow};
use crate::model::record::RequestRecord;

/// Writes a batch in one transaction. Returns how many requests that were.
pub(super) fn write(db: &mut Connection, batch: &Batch) -> rusqlite::Result<u64> {
    let change = db.transaction()?;
    let mut written = 0;
    for record in &batch.records {
        written += u64::from(request(&change, record)?);
    }
    for row in &batch.buckets {
        bucket(&change, row)?;
    }
    for row in &batch.usage {
        usage(&change, row)?;
    }
    change.commit()?;
    Ok(written)
}

fn request(change: &Transaction, record: &RequestRecord) -> rusqlite::Result<bool> {
    let Ok(json) = serde_json::to_string(record) else { return Ok(false) };
    let mut insert = change.prepare_cached("INSERT INTO request (request, ended_ms, record) VALUES (?, ?, ?)")?;
    insert.execute(params![signed(record.id.0), signed(record.ended_wall_ms()), json])?;
    Ok(true)
}

fn bucket(change: &Transaction, row: &BucketRow) -> rusqlite::Result<()> {
    change.prepare_cached("INSERT OR IGNORE INTO endpoint (name) VALUES (?)")?.execute([row.endpoint.as_str()])?;
    let bucket = &row.bucket;
    let mut insert = change.prepare_cached(
        "INSERT INTO bucket VALUES (?1, (SELECT number FROM endpoint WHERE name = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT DO UPDATE SET count = count + excluded.count,
            tokens_sum = tokens_sum + excluded.tokens_sum,
            tokens_min = min(tokens_min, excluded.tokens_min), tokens_max = max(tokens_max, excluded.tokens_max),
            requests_sum = requests_sum + excluded.requests_sum,
            requests_min = min(requests_min, excluded.requests_min),
            requests_max = max(requests_max, excluded.requests_max),
            throttled = throttled + excluded.throttled,
            token_limit = coalesce(min(token_limit, excluded.token_limit), token_limit, excluded.token_limit)",
    )?;
    insert.execute(params![
        signed(row.grain.seconds()),
        row.endpoint.as_str(),
        signed(bucket.start),
        bucket.count,
        signed(bucket.tokens.sum),
        bucket.tokens.min,
        bucket.tokens.max,
        signed(bucket.requests.sum),
        bucket.requests.min,
        bucket.requests.max,
        bucket.throttled,
        bucket.token_limit,
    ])?;
    Ok(())
}

fn usage(change: &Transaction, (key, sum): &UsageRow) -> rusqlite::Result<()> {
    let mut insert = change.prepare_cached(
        "INSERT INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, failed = failed + excluded.failed,
            uncounted = uncounted + excluded.uncounted, input = input + excluded.input,
            cached = cached + excluded.cached, output = output + excluded.output,
            reasoning = reasoning + excluded.reasoning",
    )?;
    insert.execute(params![
        key.day,
        key.caller.as_ref().map_or("", |caller| caller.as_str()),
        key.client.as_ref(),
        key.model.as_str(),
        key.endpoint.as_ref().map_or("", |endpoint| endpoint.as_str()),
        signed(sum.requests),
        signed(sum.failed),
        signed(sum.uncounted),
        signed(sum.input),
        signed(sum.cached),
        signed(sum.output),
        signed(sum.reasoning),
    ])?;
    Ok(())
}

/// SQLite's integers are signed.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
