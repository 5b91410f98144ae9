//! What we know of a request before it is sent: enough to choose, estimate and explain.
//!
//! Invariant: nothing here is text the caller wrote, beyond the model's name and the client's own label.
//! Absent on purpose: the body.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::config::Priority;
use super::id::{AccountId, CallerId, ModelName};

/// The API operation, as far as charging and reading usage differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// `/chat/completions`
    Chat,
    /// `/completions`
    Completions,
    /// `/responses`
    Responses,
    /// `/embeddings`
    Embeddings,
    /// `/responses/compact`
    Compact,
    /// `/responses/input_tokens`
    InputTokens,
    /// `/moderations`
    Moderations,
    /// `/audio/speech`
    Speech,
    /// `/audio/transcriptions`
    Transcriptions,
    /// `/audio/translations`
    Translations,
    /// `/images/generations`
    Images,
    /// `/images/edits`
    ImageEdits,
    /// `/images/variations`
    ImageVariations,
    /// `/realtime`, over a WebSocket.
    Realtime,
    /// A model set to work on stored objects: runs of assistants, videos and the like. Bound to their account like what is
    /// stored, admitted like what is balanced.
    Run,
    /// Anything else: stored objects and jobs, and paths that are not known here. It goes to one account as it is.
    Stored,
}

impl Operation {
    /// Those that name a model and are balanced, in the order of their declaration.
    pub const BALANCED: [Self; 14] = [
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Compact,
        Self::InputTokens,
        Self::Moderations,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::Images,
        Self::ImageEdits,
        Self::ImageVariations,
        Self::Realtime,
    ];

    /// The path below `/v1`, without a leading slash; of what is stored, a stand-in.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Compact => "responses/compact",
            Self::InputTokens => "responses/input_tokens",
            Self::Moderations => "moderations",
            Self::Speech => "audio/speech",
            Self::Transcriptions => "audio/transcriptions",
            Self::Translations => "audio/translations",
            Self::Images => "images/generations",
            Self::ImageEdits => "images/edits",
            Self::ImageVariations => "images/variations",
            Self::Realtime => "realtime",
            Self::Run => "runs",
            Self::Stored => "stored objects",
        }
    }

    /// Whether the answer is text that a model writes token by token, so that an output cap bears on the charge.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::Chat | Self::Completions | Self::Responses | Self::Compact | Self::Realtime | Self::Run)
    }

    /// Whether its answer may leave something at the account that later requests name.
    #[must_use]
    pub const fn stores(self) -> bool {
        matches!(self, Self::Responses | Self::Compact)
    }

    /// Whether doing it twice leaves two of it behind: it is not repeated once it may have been begun.
    #[must_use]
    pub const fn acts(self) -> bool {
        matches!(self, Self::Run)
    }

    /// Whether its body may be a form with files in it.
    #[must_use]
    pub const fn takes_form(self) -> bool {
        matches!(
            self,
            Self::Transcriptions
                | Self::Translations
                | Self::Images
                | Self::ImageEdits
                | Self::ImageVariations
                | Self::Stored
        )
    }

    /// The model that the service takes where none is named, if it takes one.
    #[must_use]
    pub const fn usual_model(self) -> Option<&'static str> {
        match self {
            Self::Moderations => Some("omni-moderation-latest"),
            Self::Images | Self::ImageEdits | Self::ImageVariations => Some("dall-e-2"),
            _ => None,
        }
    }
}

/// What the formulas of `semantics.md` 1.2 need to estimate a charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestSize {
    /// Characters of prompt text (messages, input, instructions, tool definitions), an upper bound.
    pub prompt_chars: u64,
    /// `max_tokens`, `max_completion_tokens` or `max_output_tokens`, saturated; `None` if not sent.
    pub output_cap: Option<u64>,
    /// `n` or `best_of`, the larger; at least 1.
    pub choices: u64,
}

/// What ties a request to where it went before. Fingerprints only: they say whether two things are the same, not what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affinity {
    /// Stored state the request refers to.
    pub state: Vec<u64>,
    /// What of it is sealed for whoever asked then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<u64>,
    /// What a prompt cache would go by, as the client says: `prompt_cache_key`.
    pub cache: Option<u64>,
    /// The conversation.
    pub conversation: Option<u64>,
    /// The beginning of the prompt, if services would cache one of its length.
    pub prefix: Option<u64>,
    /// The account that the connection leads to by which it came: what was said before is known there alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

/// A request as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestProfile {
    /// The model as the client named it.
    pub model: ModelName,
    /// Which API operation.
    pub operation: Operation,
    /// Whether the client asked for a stream.
    pub streaming: bool,
    /// How large it is.
    pub size: RequestSize,
    /// How important it is.
    pub priority: Priority,
    /// Who asked, if a token said so.
    pub caller: Option<CallerId>,
    /// The client's label from its user agent, at most 60 characters; empty if none was sent.
    pub client: Arc<str>,
    /// `x-stainless-retry-count`: over 0 the client's SDK is repeating itself.
    pub sdk_retry: u32,
    /// How long it may wait in line at most; `None`: as long as the configuration allows.
    pub patience: Option<Duration>,
    /// What ties it to where it went before.
    pub affinity: Affinity,
}
