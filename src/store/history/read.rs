//! Reads what an earlier run left.
//!
//! Invariant: a row that cannot be understood is passed over; the others are read. Who stops it has all usage, since sums of a
//! part would be wrong, and of the rest the newest: first requests, then buckets of all endpoints alike.
//! Absent on purpose: searching (`search`).

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::book::signed;
use crate::model::history::{Bucket, BucketRow, Extent, Grain, Remembered, UsageKey, UsageRow, UsageSum};
use crate::model::id::{CallerId, EndpointId, ModelName};
use crate::model::record::RequestRecord;

/// The newest requests (at most `newest`), the buckets that are not too old at `wall_ms`, and all usage.
/// `tell` hears the percent that is read now and then, and says whether to go on.
pub(super) fn remembered(
    db: &Connection,
    wall_ms: u64,
    newest: usize,
    tell: &mut dyn FnMut(u8) -> bool,
) -> rusqlite::Result<Remembered> {
    let from = |grain: Grain| (wall_ms / 1_000).saturating_sub(grain.span());
    let mut way = Way::of(db, newest, Grain::ALL.map(|grain| (grain, from(grain))), tell)?;
    let mut all = Remembered { usage: usage(db)?, records: records(db, newest, &mut way)?, ..Remembered::default() };
    for grain in Grain::ALL {
        buckets(db, grain, from(grain), &mut all.buckets, &mut way)?;
    }
    all.cut_short = way.stopped;
    Ok(all)
}

/// How far the reading is.
struct Way<'a> {
    done: u64,
    of: u64,
    stopped: bool,
    tell: &'a mut dyn FnMut(u8) -> bool,
}

/// After how many rows it is told.
const TOLD: u64 = 256;

impl<'a> Way<'a> {
    fn of(
        db: &Connection,
        newest: usize,
        grains: [(Grain, u64); 2],
        tell: &'a mut dyn FnMut(u8) -> bool,
    ) -> rusqlite::Result<Self> {
        let requests = db.query_row("SELECT count(*) FROM request", [], |row| number(row, 0))?;
        let mut of = requests.min(newest as u64);
        for (grain, from) in grains {
            let select = "SELECT count(*) FROM bucket WHERE width = ? AND start >= ?";
            of += db.query_row(select, [signed(grain.seconds()), signed(from)], |row| number(row, 0))?;
        }
        Ok(Self { done: 0, of, stopped: false, tell })
    }

    /// One more row is about to be read. Whether to read it.
    fn step(&mut self) -> bool {
        if self.done.is_multiple_of(TOLD) && !self.stopped {
            let percent = self.done.saturating_mul(100) / self.of.max(1);
            self.stopped = !(self.tell)(u8::try_from(percent).unwrap_or(100).min(100));
        }
        self.done += 1;
        !self.stopped
    }
}

fn records(db: &Connection, newest: usize, way: &mut Way) -> rusqlite::Result<Vec<Arc<RequestRecord>>> {
    let mut select = db.prepare("SELECT record FROM request ORDER BY row DESC LIMIT ?")?;
    let mut rows = select.query([signed(newest as u64)])?;
    let mut records = Vec::new();
    while way.step()
        && let Some(row) = rows.next()?
    {
        records.extend(record(row.get_ref(0)?.as_str()?));
    }
    records.reverse();
    Ok(records)
}

/// A record as it is stored; `None`: an older version wrote something else.
pub(super) fn record(json: &str) -> Option<Arc<RequestRecord>> {
    serde_json::from_str(json).ok().map(Arc::new)
}

fn buckets(db: &Connection, grain: Grain, from: u64, into: &mut Vec<BucketRow>, way: &mut Way) -> rusqlite::Result<()> {
    let mut select = db.prepare(
        "SELECT name, start, count, tokens_sum, tokens_min, tokens_max, requests_sum, requests_min, requests_max, throttled,
            token_limit
         FROM bucket JOIN endpoint ON endpoint.number = bucket.endpoint
         WHERE width = ? AND start >= ? ORDER BY start DESC, bucket.endpoint",
    )?;
    let mut rows = select.query([signed(grain.seconds()), signed(from)])?;
    let mut read: BTreeMap<EndpointId, Vec<Bucket>> = BTreeMap::new();
    while way.step()
        && let Some(row) = rows.next()?
    {
        let endpoint = EndpointId::from(row.get_ref(0)?.as_str()?);
        read.entry(endpoint).or_default().push(bucket(row)?);
    }
    for (endpoint, newest_first) in read {
        let row = |bucket| BucketRow { grain, endpoint: endpoint.clone(), bucket };
        into.extend(newest_first.into_iter().rev().map(row));
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
