//! Embeddings: vectors that depend on the text alone.
//!
//! Invariant: the same text gives the same vector of length 1, in numbers and in base64.
//! Absent on purpose: meaning. Similar texts get no similar vectors.

use serde_json::{Value, json};

use super::reply::Reply;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The answer.
pub(super) fn whole(reply: &Reply<'_>) -> Value {
    let own = if reply.model.contains("large") { 3_072 } else { 1_536 };
    let size = reply.ask.dimensions.unwrap_or(own);
    let rows: Vec<Value> = reply
        .ask
        .inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = vector(text, size);
            let embedding = if reply.ask.base64 { json!(base64(&vector)) } else { json!(vector) };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens = reply.admission.prompt_tokens;
    json!({
        "object": "list",
        "data": rows,
        "model": reply.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

fn vector(text: &str, size: usize) -> Vec<f32> {
    let seed = text
        .bytes()
        .fold(0x9e37_79b9_7f4a_7c15, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut rng = fastrand::Rng::with_seed(seed);
    let raw: Vec<f32> = (0..size).map(|_| rng.f32() - 0.5).collect();
    let length = raw.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|x| x / length).collect()
}

/// Little-endian 32-bit floats in base64, as the services send them.
fn base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = usize::try_from(group >> (18 - 6 * place) & 63).ok().and_then(|at| ALPHABET.get(at));
            let padding = place > chunk.len();
            text.push(letter.filter(|_| !padding).map_or('=', |letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_length_one_and_follows_its_text() {
        let one = vector("high water", 256);
        assert_eq!(one, vector("high water", 256));
        assert_ne!(one, vector("low water", 256));
        let length: f32 = one.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length}");
    }

    #[test]
    fn base64_is_little_endian_and_padded() {
        assert_eq!(base64(&[1.0]), "AACAPw==");
        assert_eq!(base64(&[1.0, -2.0, 0.5]), "AACAPwAAAMAAAAA/");
    }
}
