//! The edited configuration: a working copy with its base, named undo, findings and changes in words.
//!
//! Invariant: what the person edited survives a new applied revision; what they did not edit follows it.
//! Absent on purpose: drawing and sending; the shell does both.

mod acts;
mod changes;
mod drops;
mod grouped;
mod merge;
mod touched;

use std::sync::Arc;

use acts::Acts;

use crate::contract::snapshot::Applied;
use crate::contract::{Base, Command, ConfigCommand, LiveCommand, Notice, NoticeBody};
use crate::model::check::{Finding, brought_in, check};
use crate::model::config::Config;
use crate::model::id::CommandId;
use crate::model::revision::LeftDraft;
use crate::ui::cx::Target;
use crate::ui::findings as said;

/// What makes one configuration of another, one sentence each.
#[must_use]
pub fn sentences(from: &Config, to: &Config) -> Vec<String> {
    changes::sentences(from, to)
}

const STEPS: usize = 200;

/// One named edit.
#[derive(Clone, Debug)]
struct Step {
    /// Which step of all that were made, from 1.
    number: u64,
    label: String,
    before: Arc<Config>,
    after: Arc<Config>,
    /// Which act each change was of before it.
    acts: Acts,
}

fn edited(config: &Config, change: impl FnOnce(&mut Config)) -> Arc<Config> {
    let mut config = config.clone();
    change(&mut config);
    Arc::new(config)
}

/// A working copy of the configuration. Cheap to keep: configurations are shared, not copied, between steps.
#[derive(Debug)]
pub struct Draft {
    base_revision: u64,
    profile: Arc<str>,
    base: Arc<Config>,
    working: Arc<Config>,
    steps: Vec<Step>,
    done: usize,
    /// How many steps were ever made.
    made: u64,
    gesture: Option<String>,
    findings: Vec<Finding>,
    changes: Vec<String>,
    acts: Acts,
    waiting: Option<CommandId>,
    sent: Option<Arc<Config>>,
    rejected: Vec<Finding>,
    version: u64,
    leaps: u64,
    /// The version that could not be tried: asking again would bring the same answer.
    failed: Option<u64>,
    /// What was discarded or taken back last, and what it departed from.
    gone: Option<(Arc<Config>, Arc<Config>)>,
}

impl Draft {
    /// A draft without changes.
    #[must_use]
    pub fn new(applied: &Applied) -> Self {
        let config = Arc::clone(&applied.config);
        Self {
            base_revision: applied.revision,
            profile: Arc::clone(&applied.profile),
            base: Arc::clone(&config),
            findings: check(&config),
            working: config,
            steps: Vec::new(),
            done: 0,
            made: 0,
            gesture: None,
            changes: Vec::new(),
            acts: Acts::default(),
            waiting: None,
            sent: None,
            rejected: Vec::new(),
            version: 0,
            leaps: 0,
            failed: None,
            gone: None,
        }
    }

    /// Grows with every change of the working copy.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Grows when the working copy is exchanged for another: by undo, by redo, by a revision from elsewhere.
    #[must_use]
    pub fn leaps(&self) -> u64 {
        self.leaps
    }

    /// The configuration as edited.
    #[must_use]
    pub fn working(&self) -> &Arc<Config> {
        &self.working
    }

    /// The configuration that runs, from which the draft departs.
    #[must_use]
    pub fn base(&self) -> &Arc<Config> {
        &self.base
    }

    /// The revision of the base.
    #[must_use]
    pub fn base_revision(&self) -> u64 {
        self.base_revision
    }

    /// Whether anything is unapplied.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The unapplied changes, one sentence each.
    #[must_use]
    pub fn changes(&self) -> &[String] {
        &self.changes
    }

    /// How many things the person did that are unapplied; one can change several fields.
    #[must_use]
    pub fn done_since(&self) -> u64 {
        self.acts.count()
    }

    /// How many steps were ever made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.made
    }

    /// The number of the step that undo would take back; 0: there is none.
    #[must_use]
    pub fn newest_step(&self) -> u64 {
        self.done.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0, |step| step.number)
    }

    /// The number of the step that redo would make.
    #[must_use]
    pub fn next_step(&self) -> Option<u64> {
        self.steps.get(self.done).map(|step| step.number)
    }

    /// Whether applying takes something away that runs now: an account, an endpoint, a place in a route, a pool, a caller.
    #[must_use]
    pub fn drops(&self) -> bool {
        drops::drops(&self.base, &self.working)
    }

    /// The unapplied changes under the routes they concern.
    #[must_use]
    pub fn grouped(&self) -> Vec<(String, Vec<String>)> {
        grouped::grouped(&self.base, &self.working)
    }

    /// What is said of the draft, and of the last attempt to apply it.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        // Amounts may be written in another way in what the background says of the same.
        let is_said = |finding: &&Finding| {
            self.rejected.iter().any(|said| (said.severity, &said.at) == (finding.severity, &finding.at))
        };
        self.rejected.iter().chain(self.findings.iter().filter(move |finding| !is_said(finding)))
    }

    /// Errors that the draft brings in; while there is one, it cannot be applied.
    pub fn blocking(&self) -> impl Iterator<Item = &Finding> {
        brought_in(&self.findings, &self.base)
    }

    /// Whether an apply is under way.
    #[must_use]
    pub fn is_applying(&self) -> bool {
        self.waiting.is_some()
    }

    /// Edits as one undo step, named as in "Undo: {label}". An edit that changes nothing leaves no step.
    pub fn edit(&mut self, label: impl Into<String>, change: impl FnOnce(&mut Config)) {
        self.settle();
        self.push(label.into(), change);
    }

    /// Edits as part of a gesture (a drag, a burst of key presses): the gesture's edits are one undo step with the last
    /// label. It ends with [`Draft::settle`] or with an edit outside it.
    pub fn adjust(&mut self, gesture: &str, label: impl Into<String>, change: impl FnOnce(&mut Config)) {
        let same = self.gesture.as_deref() == Some(gesture) && self.done == self.steps.len();
        let Some(step) = self.steps.last_mut().filter(|_| same) else {
            self.settle();
            if self.push(label.into(), change) {
                self.gesture = Some(gesture.to_owned());
            }
            return;
        };
        let after = edited(&self.working, change);
        step.label = label.into();
        step.after = Arc::clone(&after);
        let (number, acts) = (step.number, step.acts.clone());
        if step.before == step.after {
            self.steps.pop();
            self.gesture = None;
        }
        self.done = self.steps.len();
        self.acts = acts;
        self.put(after);
        self.acts.follow(&self.changes, Some(number));
    }

    /// Takes a gesture back as if it had not been made, if it still goes on.
    pub fn cancel(&mut self, gesture: &str) {
        if self.gesture.as_deref() == Some(gesture) {
            self.back();
            self.steps.truncate(self.done);
        }
    }

    /// Ends a gesture: the next adjustment is a step of its own.
    pub fn settle(&mut self) {
        self.gesture = None;
    }

    fn push(&mut self, label: String, change: impl FnOnce(&mut Config)) -> bool {
        let after = edited(&self.working, change);
        if after == self.working {
            return false;
        }
        self.steps.truncate(self.done);
        if self.steps.len() == STEPS {
            self.steps.remove(0);
        }
        self.made += 1;
        let (before, acts) = (Arc::clone(&self.working), self.acts.clone());
        self.steps.push(Step { number: self.made, label, before, after: Arc::clone(&after), acts });
        self.done = self.steps.len();
        self.put(after);
        self.acts.follow(&self.changes, Some(self.made));
        true
    }

    fn put(&mut self, working: Arc<Config>) {
        self.findings = check(&working);
        self.changes = changes::sentences(&self.base, &working);
        self.rejected.clear();
        self.version += u64::from(working != self.working);
        self.working = working;
    }

    /// What is to be kept of it over a restart; `None`: nothing is edited.
    #[must_use]
    pub fn left(&self) -> Option<LeftDraft> {
        let left = || LeftDraft { base: Config::clone(&self.base), working: Config::clone(&self.working) };
        self.is_changed().then(left)
    }

    /// Puts a draft from before a restart on top of what runs, as one step. Returns whether that changes anything.
    pub fn take_up(&mut self, left: &LeftDraft) -> bool {
        let merged = merge::onto(&left.base, &left.working, &self.base);
        self.edit("Take up the draft from before", |config| *config = merged);
        self.acts = Acts::default();
        self.acts.follow(&self.changes, None);
        self.is_changed()
    }

    /// What the next undo takes back.
    #[must_use]
    pub fn undo_label(&self) -> Option<&str> {
        self.done.checked_sub(1).and_then(|last| self.steps.get(last)).map(|step| step.label.as_str())
    }

    /// What the next redo does again.
    #[must_use]
    pub fn redo_label(&self) -> Option<&str> {
        self.steps.get(self.done).map(|step| step.label.as_str())
    }

    /// Takes the newest step back and returns its label.
    pub fn undo(&mut self) -> Option<String> {
        self.leaps += 1;
        self.back()
    }

    fn back(&mut self) -> Option<String> {
        self.settle();
        let last = self.done.checked_sub(1)?;
        let step = self.steps.get(last)?.clone();
        self.done = last;
        self.acts = step.acts;
        self.put(step.before);
        self.acts.follow(&self.changes, None);
        Some(step.label)
    }

    /// Does the step that was taken back again and returns its label.
    pub fn redo(&mut self) -> Option<String> {
        self.settle();
        let step = self.steps.get(self.done)?.clone();
        self.done += 1;
        self.leaps += 1;
        self.put(step.after);
        self.acts.follow(&self.changes, Some(step.number));
        Some(step.label)
    }

    /// Where an undo or a redo that was just made changed something, the place to look at first; `before` is what was edited
    /// until then.
    #[must_use]
    pub fn touched_since(&self, before: &Config) -> Vec<Target> {
        touched::touched(before, &self.working)
    }

    /// Goes back to what runs; itself a step that can be undone.
    pub fn discard(&mut self) {
        let base = Arc::clone(&self.base);
        self.gone = Some((Arc::clone(&base), Arc::clone(&self.working)));
        self.edit("Discard all changes", |config| *config = Config::clone(&base));
    }

    /// Puts what was discarded or taken back last on top of what was edited since, as one step, and returns its label;
    /// `None`: nothing was.
    pub fn bring_back(&mut self) -> Option<String> {
        let (base, working) = self.gone.take()?;
        let merged = merge::onto(&base, &working, &self.working);
        self.leaps += 1;
        let label = "what was taken out of it";
        self.edit(format!("Bring back {label}"), |config| *config = merged);
        Some(label.to_owned())
    }

    /// The command that applies the draft; `None` if nothing changed or an error blocks it.
    #[must_use]
    pub fn apply(&self) -> Option<Command> {
        let config = self.ready()?;
        Some(Command::Config(ConfigCommand::Apply { base: self.made_from(), config }))
    }

    /// The command that tries the draft in a live session; `None` as for [`Draft::apply`], or if it was rejected as it is.
    #[must_use]
    pub fn attempt(&self) -> Option<Command> {
        let failed = !self.rejected.is_empty() || self.failed == Some(self.version);
        let config = self.ready().filter(|_| !failed)?;
        Some(Command::Live(LiveCommand::Try { base: self.made_from(), config }))
    }

    fn made_from(&self) -> Base {
        Base { profile: Arc::clone(&self.profile), revision: self.base_revision }
    }

    fn ready(&self) -> Option<Arc<Config>> {
        let allowed = self.is_changed() && !self.is_applying() && self.blocking().next().is_none();
        allowed.then(|| Arc::clone(&self.working))
    }

    /// Remembers that the apply was sent, so that its notice is recognised.
    pub fn applying(&mut self, id: CommandId) {
        self.settle();
        self.trying(id);
    }

    /// The same for a try in a live session; a gesture may go on meanwhile.
    pub fn trying(&mut self, id: CommandId) {
        self.waiting = Some(id);
        self.sent = Some(Arc::clone(&self.working));
    }

    /// Hears the answer to the apply. Returns whether the notice was about it.
    pub fn hear(&mut self, notice: &Notice) -> bool {
        if self.waiting.is_none() || notice.id != self.waiting {
            return false;
        }
        self.waiting = None;
        if let NoticeBody::Rejected(findings) = &notice.body {
            self.rejected = findings.iter().map(said::as_liked).collect();
            self.sent = None;
        }
        self.failed = matches!(notice.body, NoticeBody::Failed(_)).then_some(self.version);
        true
    }

    /// Follows the applied configuration: a new revision becomes the base, and edits are kept on top of it. A lower number is
    /// a live session that was taken back: that is a step, and undoing it brings what was tried back as a draft.
    pub fn follow(&mut self, applied: &Applied) {
        if applied.revision == self.base_revision
            && (Arc::ptr_eq(&applied.config, &self.base) || *applied.config == *self.base)
        {
            return;
        }
        self.failed = None;
        if applied.revision < self.base_revision {
            return self.go_back(applied);
        }
        let (old, new) = (Arc::clone(&self.base), Arc::clone(&applied.config));
        self.base_revision = applied.revision;
        self.base = Arc::clone(&new);
        if self.sent.take_if(|sent| *sent == new).is_some() {
            // What was applied is ours: the history stays as it is, so that undoing makes a new change.
            self.put(Arc::clone(&self.working));
            self.acts.follow(&self.changes, None);
            return;
        }
        let rebased = |config: &Config| Arc::new(merge::onto(&old, config, &new));
        for step in &mut self.steps {
            step.before = rebased(&step.before);
            step.after = rebased(&step.after);
        }
        self.drop_empty_steps();
        let working = if self.is_changed() { rebased(&self.working) } else { new };
        self.leaps += 1;
        self.put(working);
        self.acts.follow(&self.changes, None);
    }

    /// Steps that what runs now has taken back already would change nothing.
    fn drop_empty_steps(&mut self) {
        let is_whole = |step: &Step| step.before != step.after;
        let (all, done) = (self.steps.len(), self.steps.iter().take(self.done).filter(|step| is_whole(step)).count());
        self.steps.retain(is_whole);
        self.done = done;
        if self.steps.len() != all {
            self.settle();
        }
    }

    fn go_back(&mut self, applied: &Applied) {
        (self.base_revision, self.base, self.sent) = (applied.revision, Arc::clone(&applied.config), None);
        let base = Arc::clone(&applied.config);
        self.gone = Some((Arc::clone(&base), Arc::clone(&self.working)));
        self.settle();
        self.leaps += 1;
        if !self.push(format!("Go back to rev {}", applied.revision), |config| *config = Config::clone(&base)) {
            self.put(base);
            self.acts.follow(&self.changes, None);
        }
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
