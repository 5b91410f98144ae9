use super::*;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}
fn minute() -> Window {
    Window::new(Duration::from_mins(1), Duration::ZERO)
}

#[test]
fn an_amount_counts_for_the_window_and_then_no_longer() {
    let mut window = minute();
    window.add(at(1_000), 70);
    assert_eq!(window.taken(at(60_999)), 70);
    assert_eq!(window.taken(at(61_000)), 0);
}

#[test]
fn the_guard_keeps_an_amount_a_little_longer() {
    let mut window = Window::guarded(Duration::from_mins(1));
    window.add(at(0), 5);
    assert_eq!((window.taken(at(60_299)), window.taken(at(60_300))), (5, 0));
    window.widen();
    assert_eq!((window.taken(at(60_599)), window.taken(at(60_600))), (5, 0));
}

#[test]
fn the_earliest_time_is_when_enough_has_left() {
    let mut window = minute();
    window.add(at(0), 40);
    window.add(at(10_000), 40);
    assert_eq!(window.earliest(at(20_000), 20, 100), Some(at(20_000)));
    assert_eq!(window.earliest(at(20_000), 21, 100), Some(at(60_000)));
    assert_eq!(window.earliest(at(20_000), 61, 100), Some(at(70_000)));
    assert_eq!(window.earliest(at(20_000), 101, 100), None);
}

#[test]
fn a_shared_bin_leaves_with_its_newest_amount() {
    let mut window = minute();
    window.add(at(0), 1);
    window.add(at(59), 1);
    assert_eq!(window.taken(at(60_058)), 2);
    assert_eq!(window.taken(at(60_059)), 0);
}

#[test]
fn settling_changes_only_its_own_amount() {
    let mut window = minute();
    let first = window.add(at(0), 40);
    window.add(at(1_000), 30);
    window.settle(first, 40, 10);
    assert_eq!((window.taken(at(2_000)), window.pending(at(2_000))), (40, 30));
    assert_eq!(window.taken(at(60_500)), 30);
}

#[test]
fn settling_what_has_left_changes_nothing() {
    let mut window = minute();
    let old = window.add(at(0), 40);
    window.add(at(61_000), 30);
    window.settle(old, 40, 0);
    assert_eq!((window.taken(at(61_000)), window.pending(at(61_000))), (30, 30));
}

#[test]
fn blocks_of_bins_answer_as_a_plain_list_does() {
    let mut rng = fastrand::Rng::with_seed(7);
    let (mut window, mut list, mut now) = (minute(), Vec::new(), 0_u64);
    for step in 0..4_000_usize {
        now += rng.u64(60..700);
        let amount = rng.u64(0..50);
        list.push((now, amount, window.add(at(now), amount)));
        let which = rng.usize(list.len().saturating_sub(90)..list.len());
        let (since, was, place) = list[which];
        if now < since + 60_000 && step % 3 == 0 {
            let is = rng.u64(0..80);
            window.settle(place, was, is);
            list[which].1 = is;
        }
        let later = now + rng.u64(0..30_000);
        let sum = |when: u64| list.iter().filter(|(since, ..)| when < since + 60_000).map(|entry| entry.1).sum::<u64>();
        assert_eq!(window.taken(at(later)), sum(later), "step {step}");
        let (cost, limit) = (rng.u64(0..400), rng.u64(400..4_000));
        let fits = |when: u64| sum(when) + cost <= limit;
        let leave = list.iter().map(|(since, ..)| since + 60_000).filter(|when| *when > later);
        let first = std::iter::once(later).chain(leave).find(|when| fits(*when)).expect("an empty window has room");
        assert_eq!(window.earliest(at(later), cost, limit), Some(at(first)), "step {step}");
    }
}
