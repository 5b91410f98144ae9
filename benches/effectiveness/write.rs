//! Puts the tables between their markers.

use std::fs;
use std::path::Path;

use tidegate::sim::world::case::{Case, Knowledge, Load, Outcome};
use tidegate::sim::world::goals::Percent;
use tidegate::sim::world::table;

const BEGIN: &str = "<!-- effectiveness: begin -->";
const END: &str = "<!-- effectiveness: end -->";

/// The whole table into its paper, the short one into the README.
pub(crate) fn write(cases: &[Case], outcomes: &[Outcome], rows: &[String], rivals: &str, mixed: &str) {
    let whole =
        format!("{}{}\n## By priority\n\n{mixed}\n## Others in the same world\n\n{rivals}", table::HEAD, rows.concat());
    place("docs/EFFECTIVENESS.md", &whole);
    place("README.md", &short(cases, outcomes));
}

fn place(file: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).expect("the paper can be read");
    let (before, rest) = text.split_once(BEGIN).expect("the paper has the first marker");
    let (_, after) = rest.split_once(END).expect("the paper has the second marker");
    fs::write(&path, format!("{before}{BEGIN}\n{table}{END}{after}")).expect("the paper can be written");
}

/// The worst of all sizes and numbers of endpoints, at half as much again as there is capacity.
fn short(cases: &[Case], outcomes: &[Outcome]) -> String {
    let mut text = "\
| limits | capacity delivered at 1.5 × load, at least | 429s per 1,000 requests, at most |
|--|--:|--:|
"
    .to_owned();
    for knowledge in Knowledge::ALL {
        let at = |case: &Case| case.knowledge == knowledge && case.load == Load::Steady(150);
        let these: Vec<&Outcome> = cases.iter().zip(outcomes).filter(|(case, _)| at(case)).map(|(_, o)| o).collect();
        let least = these.iter().map(|outcome| outcome.delivered()).min().unwrap_or(0);
        let most = these.iter().map(|outcome| outcome.report.throttled_in_10k()).max().unwrap_or(0);
        text.push_str(&format!(
            "| {} | {} | {} |\n",
            table::knowledge(knowledge),
            Percent(least),
            table::per_mille(most)
        ));
    }
    text
}
