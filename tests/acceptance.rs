//! The acceptance list of the console: which tests hold each number. What needs the what-if replay (9) or another language
//! (19's made-up one) is not there yet.

use std::collections::BTreeSet;
use std::path::Path;

/// A number of the list, what it asks for, and the tests that hold it: a file and a name in it.
type Row = (u8, &'static str, &'static [(&'static str, &'static str)]);

const LIST: &[Row] = &[
    (
        1,
        "a fresh profile, Enter, Enter: a request and its Why",
        &[
            ("src/ui/pages/pages_tests.rs", "enter_and_enter_lead_from_launch_to_the_first_request_and_its_why"),
            ("tests/window/walk.py", "first_request_with_the_keyboard_alone"),
        ],
    ),
    (
        2,
        "a taken port: the next one serves, its holder is named, the copied base URL is right",
        &[
            ("tests/bad_input.rs", "a_taken_port_names_its_holder"),
            ("src/backend/port.rs", "a_taken_port_names_its_holder_and_the_next_one_serves"),
            (
                "src/ui/acceptance_tests.rs",
                "the_copied_base_url_is_that_of_the_port_that_serves_and_the_holder_of_the_other_is_named",
            ),
        ],
    ),
    (
        3,
        "a second launch raises the first window, leaves, and listens nowhere",
        &[
            ("tests/window/walk.py", "closed_to_the_background_and_opened_again"),
            ("tests/launch.rs", "a_second_launch_asks_the_first_to_the_front_leaves_with_0_and_listens_nowhere"),
            ("src/backend/doorbell.rs", "a_ring_is_answered_and_brings_its_link"),
            ("tests/bad_input.rs", "a_second_instance_names_the_first_which_goes_on"),
            ("src/ui/shell/leaving_tests.rs", "a_second_launch_brings_a_closed_window_back_at_its_place"),
        ],
    ),
    (
        4,
        "a card moves by drag, keys and menu alike, with undo and redo",
        &[
            ("src/ui/pages/pages_tests.rs", "dragging_a_card_onto_another_lane_moves_it_as_one_undo_step"),
            ("src/ui/pages/pages_tests.rs", "alt_down_moves_the_focused_card_and_alt_up_brings_it_back"),
            ("src/ui/acceptance_tests.rs", "nothing_of_a_moved_card_leaves_before_apply"),
            ("tests/window/walk.py", "endpoints_reordered_by_keyboard_and_by_drag"),
        ],
    ),
    (
        5,
        "nothing changes before Apply, and what runs ends under the old revision",
        &[
            ("src/ui/acceptance_tests.rs", "nothing_of_a_moved_card_leaves_before_apply"),
            ("tests/edits.rs", "limits_and_pools_change_under_running_streams_and_none_breaks"),
        ],
    ),
    (
        6,
        "a dragged limit is one named undo step of the draft",
        &[
            ("src/ui/shell_tests.rs", "a_soft_cap_dragged_with_the_mouse_lands_in_the_draft"),
            ("src/ui/shell_tests.rs", "the_soft_cap_moves_by_keys_in_steps_of_a_thousand_as_one_undo_step"),
            ("src/ui/pages/endpoints/held_back.rs", "a_cap_of_nothing_holds_back_all_and_a_high_one_none"),
        ],
    ),
    (
        7,
        "live tuning that nobody confirms goes back byte for byte",
        &[(
            "tests/live_tuning.rs",
            "a_session_that_nobody_confirms_goes_back_by_itself_to_the_old_revision_byte_for_byte",
        )],
    ),
    (
        8,
        "for 10,000 requests the Why is the router's choice, and what would have changed it does",
        &[(
            "tests/why.rs",
            "for_ten_thousand_requests_the_panel_says_what_the_router_did_and_what_would_have_changed_it",
        )],
    ),
    (
        10,
        "segments and spare are the total after 1,000 random drags, locks, buttons and undos",
        &[(
            "src/ui/pages/quotas/allocate_tests.rs",
            "segments_and_spare_are_the_total_after_a_thousand_drags_locks_buttons_and_undos",
        )],
    ),
    (
        11,
        "a cut stream is shown and counted as a failure and rests its endpoint; a client that leaves does not",
        &[
            ("src/ui/words_tests.rs", "a_stream_that_broke_never_shows_as_200"),
            ("tests/edges.rs", "a_document_cut_in_the_middle_is_an_error_for_the_client_and_a_cut_in_the_books"),
            (
                "src/policy/cut_off_tests.rs",
                "three_streams_in_a_row_that_break_rest_their_endpoint_and_are_counted_as_failures",
            ),
            ("src/policy/cut_off_tests.rs", "clients_that_leave_are_no_failure_of_anybody"),
        ],
    ),
    (
        12,
        "a 429 of ours and one of the service are told apart in row, header, counter and notification",
        &[
            (
                "src/ui/acceptance_tests.rs",
                "a_429_of_ours_and_one_of_the_service_are_told_apart_in_the_rows_and_in_the_count",
            ),
            ("tests/transparency.rs", "a_429_says_whose_it_is_and_when_to_come_back"),
            ("src/ui/tally.rs", "refusals_of_ours_and_429s_of_theirs_are_counted_apart"),
            ("src/ui/alerts_tests.rs", "refusals_of_ours_are_told_as_ours_and_throttles_as_the_services"),
        ],
    ),
    (
        13,
        "no key in files, history, logs, exports, copies, what screen readers read, the undo stack, panics",
        &[
            ("tests/faults.rs", "a_key_appears_in_nothing_that_is_written_or_answered"),
            ("tests/faults.rs", "a_key_appears_in_no_panic"),
            ("tests/history.rs", "no_key_no_query_and_no_prompt_is_on_disk_or_in_an_export_after_a_request"),
            ("src/ui/acceptance_tests.rs", "three_keys_are_in_nothing_that_the_console_shows_copies_or_remembers"),
        ],
    ),
    (
        14,
        "a rotated key fails no request",
        &[
            ("tests/rotation.rs", "requests_during_a_switch_all_succeed_and_endpoints_stay_as_they_are"),
            ("tests/door.rs", "a_refused_key_gives_way_to_the_accounts_second_one"),
        ],
    ),
    (
        15,
        "without a keyring: the words, the demo, keys in memory alone",
        &[
            (
                "src/ui/acceptance_tests.rs",
                "without_a_keyring_the_accounts_page_says_where_keys_are_kept_and_what_to_install",
            ),
            ("tests/launch.rs", "a_signal_lets_a_running_stream_reach_its_end"),
        ],
    ),
    (
        16,
        "unknown keys and comments survive an apply, and an edit from outside is offered",
        &[
            ("tests/edits.rs", "unknown_keys_and_comments_survive_an_apply"),
            ("tests/edits.rs", "what_another_program_wrote_is_neither_overwritten_nor_lost"),
            (
                "src/ui/shell/revisions_tests.rs",
                "a_file_that_somebody_changed_is_offered_and_compared_and_never_overwritten_unasked",
            ),
        ],
    ),
    (
        17,
        "a route throttled for 6 s is one notification, kept up to date and ended",
        &[("src/ui/alerts_tests.rs", "a_route_throttled_for_six_seconds_is_told_once_kept_up_and_ended")],
    ),
    (
        18,
        "Tab reaches everything, everything has a name, plots have a sentence and a table",
        &[
            ("src/ui/acceptance_tests.rs", "tab_reaches_every_control_of_every_page"),
            ("src/ui/acceptance_tests.rs", "every_control_of_every_page_and_every_sheet_has_a_role_and_a_name"),
            ("src/ui/acceptance_tests.rs", "every_plot_has_a_sentence_and_a_table"),
            ("src/ui/acceptance_tests.rs", "a_columns_edge_is_moved_by_arrow_keys_as_by_a_drag"),
            ("src/ui/acceptance_tests.rs", "the_inspectors_edge_is_moved_by_arrow_keys_too"),
        ],
    ),
    (
        19,
        "nothing is cut off in small windows with large text",
        &[("src/ui/acceptance_tests.rs", "no_control_is_cut_off_or_lies_on_another_in_any_window_at_any_text_size")],
    ),
    (
        20,
        "without a window nothing is drawn, and the history is complete",
        &[
            ("tests/history.rs", "what_is_served_while_nobody_looks_is_all_there_afterwards"),
            ("tests/window/walk.py", "out_of_sight_nothing_is_drawn_and_nothing_is_missed"),
            ("tests/window/walk.py", "closed_to_the_background_and_opened_again"),
        ],
    ),
    (
        21,
        "a filter over 50,000 stored rows shows progress and ends complete; J and K stay inside it",
        &[
            ("tests/history.rs", "fifty_thousand_stored_rows_are_searched_with_progress_and_counted_to_the_last"),
            (
                "src/ui/pages/requests/older_tests.rs",
                "a_filter_is_searched_for_in_what_is_stored_with_its_progress_and_its_complete_count",
            ),
            ("src/ui/acceptance_tests.rs", "j_and_k_stay_inside_the_filter"),
        ],
    ),
    (22, "every snippet parses", &[("src/ui/pages/connect/snippets_tests.rs", "every_snippet_filled_in_parses")]),
];

#[test]
fn every_number_of_the_acceptance_list_is_held_by_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (number, asks, tests) in LIST {
        assert!(!tests.is_empty(), "{number}, {asks}: no test");
        for (file, name) in *tests {
            let text = std::fs::read_to_string(root.join(file)).expect("the file is there");
            let defined = [format!("fn {name}("), format!("def {name}(")].iter().any(|head| text.contains(head));
            assert!(defined, "{number}, {asks}: {file} has no {name}");
        }
    }
}

#[test]
fn the_list_has_every_number_that_can_be_held_now() {
    let numbers: BTreeSet<u8> = LIST.iter().map(|(number, ..)| *number).collect();
    // 9 waits for the replay.
    assert!((1..=22).filter(|number| *number != 9).eq(numbers.iter().copied()), "{numbers:?}");
    assert_eq!(numbers.len(), LIST.len(), "a number stands twice");
}
