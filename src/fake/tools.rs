//! Tool calls: when a simulated answer makes one, and arguments that fit the tool's schema.
//!
//! Invariant: arguments are valid JSON and hold every property that the schema names.
//! Absent on purpose: a second call after a tool's result, unless the request demands one; agents would never end.

use serde_json::{Map, Value, json};

use crate::model::profile::Operation;

/// Schemas may refer to themselves; beyond this depth an empty object will do.
const DEEPEST: u32 = 6;

/// A call to a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ToolCall {
    /// The function's name.
    pub name: String,
    /// A JSON object as text.
    pub arguments: String,
}

/// The call that the answer should be, if any.
pub(super) fn wanted(operation: Operation, body: &Value) -> Option<ToolCall> {
    let tools = body.get("tools")?.as_array()?;
    let choice = body.get("tool_choice");
    let named = choice.and_then(|choice| choice.pointer("/function/name").or_else(|| choice.get("name")));
    let word = choice.and_then(Value::as_str).unwrap_or("auto");
    let demanded = named.is_some() || word == "required";
    if word == "none" || !demanded && !last_message_asks(operation, body) {
        return None;
    }
    let functions = tools.iter().filter_map(function);
    let mut fitting = functions.filter(|function| named.is_none() || function.get("name") == named);
    let function = fitting.next()?;
    let schema = function.get("parameters").unwrap_or(&Value::Null);
    let name = function.get("name")?.as_str()?.to_owned();
    Some(ToolCall { name, arguments: example(schema, "tide", 0).to_string() })
}

/// Chat nests the function, the Responses API does not.
fn function(tool: &Value) -> Option<&Value> {
    tool.get("function").or_else(|| (tool.get("type")?.as_str()? == "function").then_some(tool))
}

fn last_message_asks(operation: Operation, body: &Value) -> bool {
    let key = if operation == Operation::Responses { "input" } else { "messages" };
    match body.get(key) {
        Some(Value::String(text)) => mentions_tool(text),
        Some(Value::Array(messages)) => messages.last().is_some_and(|message| {
            message.get("role").and_then(Value::as_str) == Some("user")
                && message.get("content").is_some_and(|content| mentions_tool(&content.to_string()))
        }),
        _ => false,
    }
}

fn mentions_tool(text: &str) -> bool {
    text.to_lowercase().split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "tool" | "tools"))
}

/// A value that fits a JSON schema, as far as common schemas go.
fn example(schema: &Value, name: &str, depth: u32) -> Value {
    if let Some(first) = schema.get("enum").and_then(|list| list.get(0)).or_else(|| schema.get("const")) {
        return first.clone();
    }
    let kind = schema.get("type");
    let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind.unwrap_or("object") {
        "string" => json!(name),
        "number" | "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        "array" => match schema.get("items").filter(|_| depth < DEEPEST) {
            Some(items) => json!([example(items, name, depth + 1)]),
            None => json!([]),
        },
        _ => {
            let properties = schema.get("properties").and_then(Value::as_object).filter(|_| depth < DEEPEST);
            let filled = properties.into_iter().flatten();
            Value::Object(
                filled.map(|(name, schema)| (name.clone(), example(schema, name, depth + 1))).collect::<Map<_, _>>(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(choice: &Value, message: &Value) -> Value {
        json!({
            "tools": [
                { "type": "function", "function": { "name": "first", "parameters": {
                    "type": "object",
                    "properties": { "place": { "type": "string" }, "unit": { "enum": ["m", "ft"] }, "days": { "type": "integer" } },
                } } },
                { "type": "function", "function": { "name": "second" } },
            ],
            "tool_choice": choice,
            "messages": [message],
        })
    }

    fn called(choice: &Value, message: &Value) -> Option<String> {
        wanted(Operation::Chat, &body(choice, message)).map(|call| call.name)
    }

    #[test]
    fn a_tool_is_called_when_asked_or_demanded() {
        let plain = json!({ "role": "user", "content": "How high is the tide?" });
        let asking = json!({ "role": "user", "content": "Use the tool, please." });
        let result = json!({ "role": "tool", "content": "the tool says 3 m" });
        assert_eq!(called(&json!("auto"), &plain), None);
        assert_eq!(called(&json!("auto"), &asking).as_deref(), Some("first"));
        assert_eq!(called(&json!("none"), &asking), None);
        assert_eq!(called(&json!("auto"), &result), None);
        assert_eq!(called(&json!("required"), &plain).as_deref(), Some("first"));
        let named = json!({ "type": "function", "function": { "name": "second" } });
        assert_eq!(called(&named, &plain).as_deref(), Some("second"));
    }

    #[test]
    fn arguments_fill_the_schema() {
        let call = wanted(Operation::Chat, &body(&json!("required"), &json!({}))).expect("demanded");
        let arguments: Value = serde_json::from_str(&call.arguments).expect("valid JSON");
        assert_eq!(arguments, json!({ "place": "place", "unit": "m", "days": 1 }));
    }
}
