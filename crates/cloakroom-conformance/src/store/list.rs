//! The one list of cases. A case that is added here reaches every store.

/// Hands every case's module and name to a macro. Not for use outside this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_store_case {
    ([$($callback:tt)+] [$($argument:tt)*]) => {
        $($callback)+! {
            [$($argument)*]
            load {
                finds_the_whole_record
                finds_a_record_with_nothing_optional
                an_unknown_key_is_absent
                a_deleted_record_is_absent
                an_expired_record_is_not_served
                changes_nothing
                errors_name_the_operation_and_the_backend
            }
            create {
                fails_with_conflict_when_a_live_record_is_there
                leaves_the_live_record_as_it_was
                replaces_an_expired_record_whole
                works_after_a_delete_and_brings_nothing_back
                keys_do_not_meet
                a_version_is_not_used_twice_while_the_record_lives
                a_record_that_has_already_ended_is_never_served
            }
            save {
                replaces_every_field
                fails_with_conflict_when_another_writer_was_first
                every_former_version_conflicts
                works_after_a_conflict
                never_creates
                never_revives_an_expired_record
                never_revives_a_deleted_record
                leaves_other_keys_alone
                may_end_the_record_early
                moves_a_session_between_users
            }
            touch {
                moves_activity_and_expiry_and_nothing_else
                makes_the_record_live_longer
                leaves_the_version_valid_for_a_save
                fails_with_gone_when_nothing_was_there_and_creates_nothing
                r02_never_revives_an_expired_record
                r10_never_revives_a_deleted_record
                never_moves_an_expiry_backwards
                moves_activity_also_when_the_expiry_stays
                changes_nothing_when_decided_on_an_older_version
                of_an_older_version_is_gone_too_when_the_record_has_ended
                twice_is_the_same_as_once
                leaves_other_keys_alone
            }
            rename {
                afterwards_only_the_new_key_answers
                the_new_version_can_be_saved_at
                r17_every_verb_finds_the_old_key_gone
                fails_with_gone_when_nothing_was_there
                fails_with_gone_when_the_old_record_has_expired
                fails_with_gone_when_the_old_record_was_deleted
                at_an_older_version_fails_and_leaves_both_as_they_were
                onto_a_live_record_fails_and_leaves_both_as_they_were
                onto_itself_fails_and_leaves_it_as_it_was
                onto_an_expired_record_replaces_it_whole
                the_old_key_can_only_be_created_anew
                a_user_still_has_one_session
                can_sign_a_visitor_in
            }
            delete {
                removes_the_record
                of_what_is_not_there_succeeds
                afterwards_every_verb_answers_as_if_the_key_had_never_been
                leaves_other_keys_alone
                removes_an_expired_record_too
            }
            sweep {
                of_an_empty_store_finds_nothing
                removes_what_has_expired_and_says_how_many
                removes_at_most_its_limit
                takes_the_largest_limit
                never_removes_a_live_record
                never_removes_a_record_that_was_touched
                never_removes_a_record_that_was_saved_for_longer
                removes_what_was_saved_for_a_shorter_time
                removes_a_touched_record_once_it_has_ended
                leaves_live_records_whole
                many_at_once_count_nothing_twice
                racing_a_creation_never_takes_the_new_record
            }
            users {
                list_shows_only_the_users_own_sessions
                list_of_all_shows_every_live_session
                list_tells_everything_but_the_data
                list_shows_what_a_touch_moved
                list_comes_in_the_order_of_keys_and_in_pages
                list_goes_on_after_a_key_that_has_gone
                r50_expired_sessions_are_neither_listed_nor_counted
                of_all_shows_only_what_an_id_opens
                one_session_is_found_by_its_handle
                r25_asvs_7_5_2_a_handle_is_unknown_to_every_other_user
                r50_an_expired_session_has_no_handle_any_more
                count_follows_every_verb
                ids_are_compared_byte_for_byte
                ids_may_have_255_bytes
            }
            end {
                asvs_7_4_2_r24_ends_every_session_of_the_user_and_says_how_many
                leaves_the_sessions_of_others
                asvs_7_4_3_r23_keeps_the_one_that_is_to_be_kept
                a_key_to_keep_that_is_not_the_users_changes_nothing
                asvs_7_4_5_of_all_ends_everything_but_the_kept
                of_all_leaves_what_no_id_opens
                asvs_7_4_2_asvs_7_5_2_ends_the_one_session_with_the_handle
                r25_asvs_7_5_2_a_handle_of_another_user_ends_nothing
                the_one_session_stays_when_it_is_to_be_kept
                the_one_session_is_not_counted_once_it_has_expired
                counts_only_what_was_live
                of_nobody_ends_nothing
                ends_a_thousand_sessions
                no_session_escapes_by_changing_meanwhile
            }
            expiry {
                load_finds_a_record_until_the_millisecond_before_its_end
                create_is_refused_until_the_millisecond_before_its_end
                save_works_until_the_millisecond_before_its_end
                touch_works_until_the_millisecond_before_its_end
                rename_works_until_the_millisecond_before_its_end
                rename_is_refused_until_the_millisecond_before_the_targets_end
                list_count_and_end_agree_on_the_millisecond
                milliseconds_are_kept
                no_clock_is_read
                a_record_may_live_for_ever
                times_before_1970_are_times
                r18_the_absolute_limit_survives_saves_and_touches
            }
            payload {
                one_megabyte_in_one_value
                one_megabyte_in_many_values
                r34_what_is_too_large_is_refused_whole
                every_character_of_unicode
                text_that_quoting_and_collation_stumble_over
                any_text_as_a_key
                keys_keep_their_order
                numbers_keep_their_value_and_their_kind
                every_kind_of_value
                no_data_at_all
                deep_values
                r34_what_is_too_deep_is_refused_whole
                devices_come_back
                authentications_come_back
                lifetimes_come_back
            }
            keys {
                r36_any_bytes_make_a_key
                hostile_keys_can_be_renamed_and_kept
                a_record_that_no_id_opens_is_kept_like_any_other
            }
            admission {
                lets_in_and_stores_the_whole_record
                at_a_version_replaces_the_session_whole
                without_a_mark_is_superseded_and_changes_nothing
                under_an_expired_mark_is_superseded_and_changes_nothing
                under_a_deleted_mark_is_superseded_and_changes_nothing
                r24_under_a_mark_that_was_written_anew_is_superseded_and_changes_nothing
                the_mark_is_looked_at_before_anything_else
                under_a_mark_that_was_only_touched_lets_in
                leaves_the_mark_as_it_was
                of_a_new_session_over_a_live_one_is_a_conflict_and_ends_nobody
                of_a_new_session_over_an_expired_one_replaces_it_whole
                at_an_older_version_is_a_conflict_and_ends_nobody
                of_a_session_that_has_ended_is_gone_and_ends_nobody
                errors_name_the_operation_and_the_backend
                many_at_one_version_have_one_winner
                asvs_7_4_2_before_the_end_of_all_is_ended_by_it
                asvs_7_4_2_after_a_new_mark_is_superseded
                asvs_7_4_2_at_once_with_the_end_of_all_survives_in_no_order
            }
            limit {
                below_it_nobody_ends
                without_one_nobody_ends
                asvs_7_1_2_at_it_the_oldest_ends
                asvs_7_1_2_at_it_the_least_recently_seen_ends
                asvs_7_1_2_at_it_somebody_is_refused_and_nothing_changes
                as_many_end_as_it_takes
                r50_expired_sessions_do_not_count
                sessions_from_before_everybody_was_signed_out_do_not_count
                sessions_of_which_nobody_knows_when_they_began_end_first
                the_session_that_is_let_in_does_not_count_itself
                sessions_of_others_neither_count_nor_end
                who_ends_is_told_as_a_list_would
                asvs_7_1_2_thirty_two_at_once_never_leave_more
                asvs_7_1_2_thirty_two_at_once_let_in_no_more_than_there_is_room_for
                sixteen_users_at_once_do_not_wait_for_each_other
            }
            races {
                r06_sixty_four_writers_of_different_keys_all_survive
                parallel_increments_are_exact
                r45_asvs_15_4_2_savers_of_one_version_have_one_winner
                creators_of_one_key_have_one_winner
                creators_over_an_expired_record_have_one_winner
                r09_renamers_of_one_session_have_one_winner
                renamers_onto_one_key_have_one_winner
                asvs_15_4_3_renames_in_a_circle_do_not_wait_for_each_other
                parallel_touches_never_move_backwards
                a_touch_never_takes_a_save_back
                a_put_is_seen_whole_or_not_at_all
                a_rename_is_seen_as_never_both_and_never_neither
                r42_every_caller_gets_its_own_record
            }
            logout {
                r01_before_a_save_leaves_nothing
                r01_after_a_save_leaves_nothing
                r02_before_a_touch_leaves_nothing
                r02_after_a_touch_leaves_nothing
                r03_before_a_rename_leaves_nothing
                r04_a_rotation_is_not_taken_back_by_a_slow_save_or_touch
                r01_at_once_with_a_save_leaves_nothing
                r02_at_once_with_a_touch_leaves_nothing
                r03_at_once_with_a_rename_is_done_before_or_after_it
                of_the_user_at_once_with_every_write_leaves_nothing
            }
            cancellation {
                of_load_changes_nothing
                of_a_creation_leaves_it_done_or_not_done
                of_a_save_leaves_it_done_or_not_done
                of_a_touch_leaves_it_done_or_not_done
                of_a_rename_leaves_exactly_one_key
                of_a_delete_leaves_it_done_or_not_done
                of_a_sweep_takes_no_live_record
                of_list_and_count_changes_nothing
                of_end_leaves_it_done_or_not_done
                of_an_admission_leaves_it_done_or_not_done
                r43_gives_no_caller_the_answer_of_another
            }
        }
    };
}

/// Stamps one test per case of the store contract, so that each has its own name and the test runner spreads them
/// over its threads.
///
/// It takes an expression for the [`StoreSuite`](crate::StoreSuite) and one that runs a boxed future to its end on the
/// store's runtime, such as [`block_on`](crate::block_on) or `|case| runtime().block_on(case)`.
///
/// ```
/// use std::sync::Arc;
/// use cloakroom_conformance::{StoreSuite, block_on, store_tests};
/// use cloakroom_core::{MemoryStore, Store};
///
/// fn suite() -> StoreSuite {
///     StoreSuite::new(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> })
/// }
///
/// store_tests!(suite(), block_on);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! store_tests {
    ($suite:expr, $block_on:expr) => {
        $crate::for_each_store_case!([$crate::stamp_tests] [$suite, $block_on]);
    };
}

/// The tests themselves. Not for use outside this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! stamp_tests {
    ([$suite:expr, $block_on:expr] $($module:ident { $($name:ident)* })*) => {$(
        mod $module {
            #[allow(unused_imports, reason = "the caller's expressions name what the caller imported")]
            use super::*;

            $(
                #[test]
                fn $name() {
                    $suite.assert_case(concat!(stringify!($module), "::", stringify!($name)), $block_on);
                }
            )*
        }
    )*};
}
