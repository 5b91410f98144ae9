//! What simulated endpoints talk about: tides, in as many words as asked for.
//!
//! Invariant: one word is one token; the same seed and length give the same text.
//! Absent on purpose: any relation to the question.

const SENTENCES: [&str; 12] = [
    "The tide rises twice a day because the earth turns beneath two bulges of water.",
    "One bulge faces the moon, which pulls the near sea harder than the ground below it.",
    "The other lies on the far side, where the sea is left a little behind.",
    "When sun and moon stand in line, their pulls add up and the spring tide comes.",
    "At the quarter moons they pull across each other, and the neap tide stays low.",
    "A narrow bay can gather the water until it climbs more than ten metres.",
    "In a wide and shallow sea the same wave hardly wets the stones.",
    "Harbour pilots wait for slack water, the short rest between flood and ebb.",
    "A tide gate lets the flood in and holds the ebb back, so that the mill can grind.",
    "Mussels close when the water leaves and open when it returns.",
    "Tables printed a century ago still give the hour of high water to within minutes.",
    "Storms do not read tables, and a surge may arrive hours before the moon allows it.",
];

/// So many words, each but the first with the space before it.
pub(super) fn words(seed: u64, count: u64) -> impl Iterator<Item = String> {
    let first = usize::try_from(seed % 12).unwrap_or(0);
    let endless = SENTENCES.iter().cycle().skip(first).flat_map(|sentence| sentence.split(' '));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    endless.take(count).enumerate().map(|(place, word)| if place == 0 { word.to_owned() } else { format!(" {word}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_as_many_words_as_asked_for() {
        let text: String = words(3, 40).collect();
        assert_eq!(text.split(' ').count(), 40);
        assert_eq!(text, words(3, 40).collect::<String>());
        assert_ne!(text, words(4, 40).collect::<String>());
    }
}
