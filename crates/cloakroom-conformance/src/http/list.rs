//! The one list of scenarios. A scenario that is added here reaches every framework.

/// Hands every scenario's module and name to a macro. Not for use outside this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_http_case {
    ([$($callback:tt)+] [$($argument:tt)*]) => {
        $($callback)+! {
            [$($argument)*]
            round_trips {
                a_session_that_is_not_asked_for_costs_nothing
                a_visitor_without_a_cookie_costs_nothing
                a_read_is_one_load
                loading_twice_is_one_load
                a_read_with_a_touch_due_is_two
                a_first_write_is_one_creation
                a_write_is_a_load_and_a_save
                writing_what_is_there_already_is_a_read
                a_sign_out_is_a_load_and_a_delete
                a_new_id_is_a_load_and_a_save
                a_new_session_in_the_place_of_another_is_a_load_and_a_rename
                r07_an_explicit_save_is_not_repeated
                a_conflict_costs_one_more_load_and_save
            }
            nobody {
                asvs_7_6_2_reading_pages_make_no_session
                r33_a_flood_of_visitors_without_sessions_stores_nothing
                r14_an_unknown_id_is_never_adopted
                an_unknown_cookie_is_never_cleared
                an_expired_cookie_is_never_cleared
                r36_owasp_input_that_is_hostile_is_nobody_without_a_query
                r40_rfc6265bis_prefix_only_the_exact_name_counts
                rfc6265bis_nameless_cookies_are_nobodys
                r11_the_store_is_told_no_id
                r15_asvs_14_2_1_an_id_counts_only_in_the_cookie
                asvs_15_3_7_two_different_cookies_of_our_name_are_not_believed
                r12_a_key_from_the_store_opens_nothing
                r28_an_id_means_nothing_under_another_name
                r13_a_plain_value_is_refused_where_keys_are_set
                asvs_14_3_2_r38_pages_that_read_vary_by_cookie_and_others_do_not
            }
            cookies {
                asvs_3_3_1_asvs_3_3_2_nist_5_1_1_cookie_of_the_first_write_is_guarded
                r39_nist_5_1_http_the_cookie_is_secure_whatever_the_request_says
                reading_and_writing_send_no_cookie_again
                a_persistent_cookie_moves_with_the_session
                nist_5_1_restart_of_the_browser_ends_its_session
                the_removal_repeats_every_attribute
                r46_other_cookies_and_headers_stay
                asvs_14_2_2_r38_owasp_caching_what_carries_the_cookie_is_never_cached
                the_handlers_answer_comes_through
                a_server_error_saves_what_the_handler_did
                a_server_error_saves_nothing_where_the_policy_says_so
            }
            logout {
                asvs_7_4_1_nist_5_1_ended_r20_after_logout_the_old_cookie_is_dead
                r01_logout_during_a_write_leaves_nothing
                r01_logout_after_a_write_leaves_nothing
                r02_logout_during_a_touch_leaves_nothing
                r03_logout_during_a_rotation_makes_no_new_session
                r04_a_slow_request_does_not_take_a_rotation_back
                r01_a_logout_ends_the_session_whatever_its_id_became
                r10_logout_never_touches
                two_logouts_at_once_are_one
                r17_rotation_keeps_the_data_and_kills_the_old_id
                ending_and_beginning_anew_keeps_nothing_of_the_old
                asvs_7_2_4_r16_owasp_privilege_every_sign_in_changes_the_id
                r09_rotations_at_once_sign_nobody_out
            }
            rotation {
                an_id_is_replaced_at_its_age_and_not_before
                r09_fifty_requests_at_once_at_the_ids_age_sign_nobody_out
                owasp_renewal_the_previous_id_opens_the_session_until_its_grace_ends
                owasp_renewal_the_previous_id_ends_soon_after_the_new_one_was_shown
                owasp_renewal_a_reused_id_ends_the_session_where_the_policy_says_so
                a_lost_response_signs_nobody_out
                r16_a_sign_in_ends_every_id_before_it_at_once
                r01_a_logout_under_the_previous_id_ends_the_session
            }
            parallel {
                r06_writers_of_different_keys_all_survive
                increments_are_exact
                r45_writers_of_one_key_all_succeed
                a_save_that_never_wins_is_an_error
                r08_a_redirect_leaves_after_the_commit
                r48_asvs_15_4_4_a_request_that_hangs_keeps_nobody_waiting
                r07_a_save_is_not_repeated_over_what_others_wrote_since
                r42_asvs_15_4_1_every_visitor_sees_only_their_own
                r43_requests_dropped_at_any_await_leave_whole_sessions
            }
            limits {
                asvs_7_3_1_a_session_ends_at_its_idle_limit
                activity_moves_the_idle_limit
                asvs_7_3_2_a_busy_session_ends_at_its_absolute_limit
                a_sign_in_begins_the_absolute_limit_anew
                remember_me_survives_every_later_write
                asvs_9_2_1_the_cookies_lifetime_is_not_the_limit
                nist_5_2_timeouts_end_a_session_and_only_a_sign_in_moves_both
                nist_5_2_levels_have_their_limits
                r49_a_remembered_session_ends_at_logout_like_any_other
            }
            failures {
                asvs_16_5_2_a_failed_load_is_503_and_never_a_write
                pages_without_a_session_work_while_the_store_is_down
                asvs_16_5_3_a_failed_save_is_503_and_sets_no_cookie
                a_failed_redirect_is_not_followed
                a_failed_logout_is_not_reported_as_one
                a_failed_touch_is_no_error
                a_row_that_cannot_be_read_is_500_and_stays
                where_the_policy_says_anonymous_a_failed_load_is_nobody_and_never_a_write
                r32_without_chance_there_is_no_new_session
                asvs_7_2_3_an_id_that_is_taken_is_drawn_again
            }
            users {
                asvs_7_2_2_every_sign_in_has_an_id_of_its_own
                r21_taking_the_user_out_is_stored
                asvs_7_4_2_r24_a_user_can_be_signed_out_of_every_device
                asvs_7_4_3_r23_the_present_session_can_be_kept
                asvs_7_4_5_everybody_can_be_signed_out
            }
            nodes {
                asvs_7_4_1_r05_r26_a_logout_is_seen_by_every_node_at_once
                asvs_8_2_4_asvs_8_3_2_a_change_of_rights_is_seen_by_every_node_at_once
            }
            sealed {
                asvs_7_2_1_without_its_record_a_cookie_is_nobody
                r19_a_logout_is_more_than_the_browsers_forgetting
                r27_a_value_is_refused_under_the_name_of_another_cookie
                r25_a_value_that_nobody_issued_ends_nothing
            }
            events {
                asvs_16_3_1_beginnings_new_ids_and_ends_are_events
                asvs_16_3_3_owasp_strict_refused_cookies_are_events
                asvs_16_3_4_failures_of_the_store_are_events
                r22_an_observer_that_panics_keeps_no_session_alive
            }
        }
    };
}

/// Stamps one test per HTTP scenario, so that each has its own name.
///
/// It takes an expression for the [`HttpSuite`](crate::HttpSuite) and one that runs a boxed future to its end on the
/// framework's runtime, such as [`block_on`](crate::block_on) or `|case| runtime().block_on(case)`.
#[macro_export]
macro_rules! http_tests {
    ($suite:expr, $block_on:expr) => {
        $crate::for_each_http_case!([$crate::stamp_tests] [$suite, $block_on]);
    };
}
