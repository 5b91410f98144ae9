//! Keeps the file within its bounds of size and age.
//!
//! Invariant: a step is short, so that nothing that waits to be written waits long; the oldest requests go first.
//! Absent on purpose: choosing the bounds; the configuration does.

use rusqlite::Connection;

use super::book::signed;
use crate::model::config::History as Rules;
use crate::model::history::Grain;

/// Requests deleted in one step.
const STEP: i64 = 2_000;
/// Free pages given back to the system in one step.
const PAGES: u32 = 2_000;
/// Days for which usage is kept; it is small.
const USAGE_DAYS: u64 = 400;
const DAY_MS: u64 = 86_400_000;

/// Bytes the file takes, with what waits in its journal. `used` counts only pages that hold something.
pub(super) struct Size {
    pub(super) file: u64,
    pub(super) used: u64,
}

/// How large it is.
pub(super) fn size(db: &Connection) -> rusqlite::Result<Size> {
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let number = |name: &str| number(name).map(|number| u64::try_from(number).unwrap_or(0));
    let (pages, free, page) = (number("page_count")?, number("freelist_count")?, number("page_size")?);
    Ok(Size { file: pages.saturating_mul(page), used: pages.saturating_sub(free).saturating_mul(page) })
}

/// Deletes a little of what is too old or too much. Returns how many requests that were.
pub(super) fn step(db: &Connection, rules: &Rules, wall_ms: u64) -> rusqlite::Result<u64> {
    let oldest_ms = wall_ms.saturating_sub(u64::from(rules.max_days.max(1)).saturating_mul(DAY_MS));
    let first_rows = "row IN (SELECT row FROM request ORDER BY row LIMIT ?1)";
    let old = format!("DELETE FROM request WHERE ended_ms < ?2 AND {first_rows}");
    let mut deleted = db.prepare_cached(&old)?.execute([STEP, signed(oldest_ms)])?;
    if size(db)?.used > u64::from(rules.max_megabytes.max(8)).saturating_mul(1 << 20) {
        deleted += db.prepare_cached(&format!("DELETE FROM request WHERE {first_rows}"))?.execute([STEP])?;
    }
    for grain in Grain::ALL {
        // A little longer than it is shown, so that what is shown never lacks its beginning.
        let first = (wall_ms / 1_000).saturating_sub(grain.span() + grain.span() / 8);
        let mut delete = db.prepare_cached("DELETE FROM bucket WHERE width = ? AND start < ?")?;
        delete.execute([signed(grain.seconds()), signed(first)])?;
    }
    let day = (wall_ms / DAY_MS).saturating_sub(USAGE_DAYS);
    db.prepare_cached("DELETE FROM usage WHERE day < ?")?.execute([signed(day)])?;
    let mut give_back = db.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut rows = give_back.query([])?;
    while rows.next()?.is_some() {}
    Ok(deleted as u64)
}
