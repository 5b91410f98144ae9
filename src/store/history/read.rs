//! Reads what an earlier run left.
//!
//! Invariant: a row that cannot be understood is passed over; the others are read.
//! Absent on purpose: searching (`search`).

use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::book::signed;
use crate::model::history::{Bucket, BucketRow, Extent, Grain, Remembered, UsageKey, UsageRow, UsageSum};
use crate::model::id::{CallerId, EndpointId, ModelName};
use crate::model::record::RequestRecord;

/// The newest requests (at most `newest`), the buckets that are not too old at `wall_ms`, and all usage.
pub(super) fn remembered(db: &Connection, wall_ms: u64, newest: usize) -> rusqlite::Result<Remembered> {
    let second = wall_ms / 1_000;
    let mut all = Remembered { records: records(db, newest)?, ..Remembered::default() };
    for grain in Grain::ALL {
        buckets(db, grain, second.saturating_sub(grain.span()), &mut all.buckets)?;
    }
    all.usage = usage(db)?;
    Ok(all)
}

fn records(db: &Connection, newest: usize) -> rusqlite::Result<Vec<Arc<RequestRecord>>> {
    let mut select = db.prepare("SELECT record FROM request ORDER BY row DESC LIMIT ?")?;
    let rows = select.query_map([signed(newest as u64)], |row| Ok(record(row.get_ref(0)?.as_str()?)))?;
    let mut records: Vec<_> = rows.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    records.reverse();
    Ok(records)
}

/// A record as it is stored; `None`: an older version wrote something else.
pub(super) fn record(json: &str) -> Option<Arc<RequestRecord>> {
    serde_json::from_str(json).ok().map(Arc::new)
}

fn buckets(db: &Connection, grain: Grain, from: u64, into: &mut Vec<BucketRow>) -> rusqlite::Result<()> {
    let mut select = db.prepare(
        "SELECT name, start, count, tokens_sum, tokens_min, tokens_max, requests_sum, requests_min, requests_max, throttled,
            token_limit
         FROM bucket JOIN endpoint ON endpoint.number = bucket.endpoint
         WHERE width = ? AND start >= ? ORDER BY bucket.endpoint, start",
    )?;
    let mut rows = select.query([signed(grain.seconds()), signed(from)])?;
    let mut endpoint = EndpointId::from("");
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str()?;
        if name != endpoint.as_str() {
            endpoint = EndpointId::from(name);
        }
        into.push(BucketRow { grain, endpoint: endpoint.clone(), bucket: bucket(row)? });
    }
    Ok(())
}

fn bucket(row: &Row) -> rusqlite::Result<Bucket> {
    Ok(Bucket {
        start: number(row, 1)?,
        count: short(row, 2)?,
        tokens: extent(row, 3)?,
        requests: extent(row, 6)?,
        throttled: short(row, 9)?,
        token_limit: row.get(10)?,
    })
}

fn extent(row: &Row, first: usize) -> rusqlite::Result<Extent> {
    Ok(Extent { sum: number(row, first)?, min: short(row, first + 1)?, max: short(row, first + 2)? })
}

fn usage(db: &Connection) -> rusqlite::Result<Vec<UsageRow>> {
    let mut select = db.prepare("SELECT * FROM usage ORDER BY day, caller, client, model, endpoint")?;
    let rows = select.query_map([], |row| {
        let text = |place: usize| row.get::<_, String>(place);
        let named = |place: usize| text(place).map(|name| (!name.is_empty()).then_some(name));
        let key = UsageKey {
            day: row.get(0)?,
            caller: named(1)?.map(CallerId::from),
            client: Arc::from(text(2)?),
            model: ModelName::from(text(3)?),
            endpoint: named(4)?.map(EndpointId::from),
        };
        let sum = UsageSum {
            requests: number(row, 5)?,
            failed: number(row, 6)?,
            uncounted: number(row, 7)?,
            input: number(row, 8)?,
            cached: number(row, 9)?,
            output: number(row, 10)?,
            reasoning: number(row, 11)?,
        };
        Ok((key, sum))
    })?;
    rows.collect()
}

fn number(row: &Row, place: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(place).map(|number| u64::try_from(number).unwrap_or(0))
}

fn short(row: &Row, place: usize) -> rusqlite::Result<u32> {
    number(row, place).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}
