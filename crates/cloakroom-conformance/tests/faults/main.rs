//! The suite finds the faults: each deliberately broken store is caught, by the case that says what is broken.

mod admission;
mod naive;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use cloakroom_conformance::{STORE_CASES, StoreSuite, block_on};
use naive::{Flaw, Naive};

/// Every flaw with a case that has to catch it. Others may catch it, too.
const CAUGHT: &[(Flaw, &str)] = &[
    (Flaw::UpsertsOnSave, "save::never_creates"),
    (Flaw::UpsertsOnSave, "logout::r01_before_a_save_leaves_nothing"),
    (Flaw::IgnoresVersions, "save::fails_with_conflict_when_another_writer_was_first"),
    (Flaw::IgnoresVersions, "races::r06_sixty_four_writers_of_different_keys_all_survive"),
    (Flaw::IgnoresVersions, "races::parallel_increments_are_exact"),
    (Flaw::RevivesOnSave, "save::never_revives_an_expired_record"),
    (Flaw::RevivesOnSave, "expiry::save_works_until_the_millisecond_before_its_end"),
    (Flaw::RevivesOnTouch, "touch::r02_never_revives_an_expired_record"),
    (Flaw::CreatesOnTouch, "touch::fails_with_gone_when_nothing_was_there_and_creates_nothing"),
    (Flaw::CreatesOnTouch, "logout::r02_before_a_touch_leaves_nothing"),
    (Flaw::TouchGoesBackwards, "touch::never_moves_an_expiry_backwards"),
    (Flaw::TouchGoesBackwards, "races::parallel_touches_never_move_backwards"),
    (Flaw::TouchRaisesTheVersion, "touch::leaves_the_version_valid_for_a_save"),
    (Flaw::TouchIgnoresVersions, "touch::changes_nothing_when_decided_on_an_older_version"),
    (Flaw::TouchWritesNothing, "touch::makes_the_record_live_longer"),
    (Flaw::ServesExpired, "load::an_expired_record_is_not_served"),
    (Flaw::ServesExpired, "expiry::load_finds_a_record_until_the_millisecond_before_its_end"),
    (Flaw::EndsAMillisecondLate, "expiry::load_finds_a_record_until_the_millisecond_before_its_end"),
    (Flaw::EndsAMillisecondLate, "expiry::create_is_refused_until_the_millisecond_before_its_end"),
    (Flaw::EndsAMillisecondLate, "expiry::rename_works_until_the_millisecond_before_its_end"),
    (Flaw::EndsAMillisecondLate, "expiry::list_count_and_end_agree_on_the_millisecond"),
    (Flaw::CreateOverwrites, "create::leaves_the_live_record_as_it_was"),
    (Flaw::CreateOverwrites, "races::creators_of_one_key_have_one_winner"),
    (Flaw::CreateSilentlyKeepsTheOld, "create::fails_with_conflict_when_a_live_record_is_there"),
    (Flaw::CreateRefusesOverExpired, "create::replaces_an_expired_record_whole"),
    (Flaw::RenameKeepsTheOldKey, "rename::afterwards_only_the_new_key_answers"),
    (Flaw::RenameKeepsTheOldKey, "rename::r17_every_verb_finds_the_old_key_gone"),
    (Flaw::RenameOverwrites, "rename::onto_a_live_record_fails_and_leaves_both_as_they_were"),
    (Flaw::RenameForgetsTheRecord, "rename::can_sign_a_visitor_in"),
    (Flaw::RenameCreates, "logout::r03_before_a_rename_leaves_nothing"),
    (Flaw::SweepsWithoutLimit, "sweep::removes_at_most_its_limit"),
    (Flaw::SweepsTheLiving, "sweep::never_removes_a_live_record"),
    (Flaw::SweepNeverFinishes, "sweep::of_an_empty_store_finds_nothing"),
    (Flaw::SweepMiscounts, "sweep::removes_at_most_its_limit"),
    (Flaw::SweepCountsTwice, "sweep::many_at_once_count_nothing_twice"),
    (Flaw::SweepsByTheFirstExpiry, "sweep::never_removes_a_record_that_was_touched"),
    (Flaw::CountsExpired, "users::r50_expired_sessions_are_neither_listed_nor_counted"),
    (Flaw::ListsExpired, "users::r50_expired_sessions_are_neither_listed_nor_counted"),
    (Flaw::ListsEverybody, "users::list_shows_only_the_users_own_sessions"),
    (Flaw::ListsUnsorted, "users::list_comes_in_the_order_of_keys_and_in_pages"),
    (Flaw::ListRepeatsTheLastKey, "users::list_comes_in_the_order_of_keys_and_in_pages"),
    (Flaw::EndMissesSessions, "end::asvs_7_4_2_r24_ends_every_session_of_the_user_and_says_how_many"),
    (Flaw::EndMissesSessions, "end::ends_a_thousand_sessions"),
    (Flaw::EndIgnoresTheKept, "end::asvs_7_4_3_r23_keeps_the_one_that_is_to_be_kept"),
    (Flaw::EndCountsTheExpired, "end::counts_only_what_was_live"),
    (Flaw::FoldsTheCaseOfUsers, "users::ids_are_compared_byte_for_byte"),
    (Flaw::DeleteFailsOnAbsent, "delete::of_what_is_not_there_succeeds"),
    (Flaw::ReusesVersions, "create::a_version_is_not_used_twice_while_the_record_lives"),
    (Flaw::SortsKeys, "payload::keys_keep_their_order"),
    (Flaw::KeepsNumbersAsFloats, "payload::numbers_keep_their_value_and_their_kind"),
    (Flaw::CutsLongData, "payload::one_megabyte_in_one_value"),
    (Flaw::CutsLongData, "payload::r34_what_is_too_large_is_refused_whole"),
    (Flaw::RoundsToSeconds, "expiry::milliseconds_are_kept"),
    (Flaw::LosesTheDevice, "payload::devices_come_back"),
    (Flaw::LosesTheDeadline, "expiry::r18_the_absolute_limit_survives_saves_and_touches"),
    (Flaw::TurnsNulIntoNothing, "payload::every_character_of_unicode"),
    (Flaw::FoldsTheCaseOfKeys, "keys::r36_any_bytes_make_a_key"),
    (Flaw::ChecksThenWrites, "races::r45_asvs_15_4_2_savers_of_one_version_have_one_winner"),
    (Flaw::ChecksThenWrites, "races::creators_of_one_key_have_one_winner"),
    (Flaw::ChecksThenWrites, "races::r06_sixty_four_writers_of_different_keys_all_survive"),
    (Flaw::ChecksThenWrites, "logout::r01_at_once_with_a_save_leaves_nothing"),
    (Flaw::EndsOneByOne, "end::no_session_escapes_by_changing_meanwhile"),
    (Flaw::EndsOneByOne, "cancellation::of_end_leaves_it_done_or_not_done"),
    (Flaw::HalfRename, "races::a_rename_is_seen_as_never_both_and_never_neither"),
    (Flaw::HalfRename, "cancellation::of_a_rename_leaves_exactly_one_key"),
    (Flaw::AdmitIgnoresTheMark, "admission::without_a_mark_is_superseded_and_changes_nothing"),
    (Flaw::AdmitIgnoresTheMark, "admission::under_a_deleted_mark_is_superseded_and_changes_nothing"),
    (Flaw::AdmitIgnoresTheMark, "admission::the_mark_is_looked_at_before_anything_else"),
    (
        Flaw::AdmitTakesAnOldMark,
        "admission::r24_under_a_mark_that_was_written_anew_is_superseded_and_changes_nothing",
    ),
    (Flaw::AdmitTakesAnOldMark, "admission::asvs_7_4_2_after_a_new_mark_is_superseded"),
    (Flaw::AdmitTakesAnExpiredMark, "admission::under_an_expired_mark_is_superseded_and_changes_nothing"),
    (
        Flaw::AdmitLooksAtTheMarkFirst,
        "admission::asvs_7_4_2_at_once_with_the_end_of_all_survives_in_no_order",
    ),
    (Flaw::AdmitCountsThenWrites, "limit::asvs_7_1_2_thirty_two_at_once_never_leave_more"),
    (
        Flaw::AdmitCountsThenWrites,
        "limit::asvs_7_1_2_thirty_two_at_once_let_in_no_more_than_there_is_room_for",
    ),
    (Flaw::AdmitCountsThenWrites, "limit::sixteen_users_at_once_do_not_wait_for_each_other"),
    (Flaw::AdmitEndsThenWrites, "cancellation::of_an_admission_leaves_it_done_or_not_done"),
    (
        Flaw::AdmitEndsBeforeAFailingPut,
        "admission::of_a_new_session_over_a_live_one_is_a_conflict_and_ends_nobody",
    ),
    (Flaw::AdmitEndsBeforeAFailingPut, "admission::at_an_older_version_is_a_conflict_and_ends_nobody"),
    (Flaw::AdmitEndsBeforeAFailingPut, "admission::of_a_session_that_has_ended_is_gone_and_ends_nobody"),
    (Flaw::AdmitEndsOneTooMany, "limit::below_it_nobody_ends"),
    (Flaw::AdmitEndsOneTooMany, "limit::as_many_end_as_it_takes"),
    (Flaw::AdmitEndsTheNewest, "limit::asvs_7_1_2_at_it_the_oldest_ends"),
    (Flaw::AdmitEndsTheNewest, "limit::asvs_7_1_2_at_it_the_least_recently_seen_ends"),
    (Flaw::AdmitEndsOneOnly, "limit::as_many_end_as_it_takes"),
    (Flaw::AdmitNeverRefuses, "limit::asvs_7_1_2_at_it_somebody_is_refused_and_nothing_changes"),
    (Flaw::AdmitCountsTheExpired, "limit::r50_expired_sessions_do_not_count"),
    (Flaw::AdmitCountsEverybody, "limit::sessions_of_others_neither_count_nor_end"),
    (Flaw::AdmitCountsItself, "limit::the_session_that_is_let_in_does_not_count_itself"),
    (Flaw::AdmitCountsOlderEpochs, "limit::sessions_from_before_everybody_was_signed_out_do_not_count"),
    (Flaw::AdmitForgetsWhomItEnded, "limit::who_ends_is_told_as_a_list_would"),
    (Flaw::AdmitForgetsWhomItEnded, "limit::asvs_7_1_2_thirty_two_at_once_never_leave_more"),
    (Flaw::AdmitOverwrites, "admission::of_a_new_session_over_a_live_one_is_a_conflict_and_ends_nobody"),
    (Flaw::AdmitWritesTheMark, "admission::leaves_the_mark_as_it_was"),
    (Flaw::SessionIgnoresTheUser, "end::r25_asvs_7_5_2_a_handle_of_another_user_ends_nothing"),
    (Flaw::SessionIgnoresTheUser, "users::r25_asvs_7_5_2_a_handle_is_unknown_to_every_other_user"),
    (Flaw::SessionIgnoresTheHandle, "end::asvs_7_4_2_asvs_7_5_2_ends_the_one_session_with_the_handle"),
    (Flaw::SessionIgnoresTheHandle, "users::one_session_is_found_by_its_handle"),
    (Flaw::AllShowsMarks, "users::of_all_shows_only_what_an_id_opens"),
    (Flaw::AllEndsMarks, "end::of_all_leaves_what_no_id_opens"),
    (Flaw::LosesTheFingerprint, "payload::authentications_come_back"),
    (Flaw::ListForgetsTheAuthentication, "users::list_tells_everything_but_the_data"),
    (Flaw::RenameLosesTheAuthentication, "payload::authentications_come_back"),
    (Flaw::Panics, "load::an_unknown_key_is_absent"),
];

#[test]
fn a_store_without_a_flaw_passes() {
    block_on(suite(Flaw::None).run()).assert_passed();
}

#[test]
fn every_flaw_is_caught_by_name() {
    let mut missed = Vec::new();
    for (flaw, name) in CAUGHT {
        let case = STORE_CASES.iter().find(|case| case.name() == *name).expect("a case of that name");
        if block_on(suite(*flaw).run_case(case)).is_ok() {
            missed.push((flaw, name));
        }
    }
    assert_eq!(missed, []);
}

#[test]
fn every_flaw_has_a_case() {
    for flaw in Flaw::ALL {
        assert!(CAUGHT.iter().any(|(caught, _)| caught == flaw), "no case is named for {flaw:?}");
    }
}

/// Gives every other task of this executor a turn.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Interleaved on one task, so that what is caught is the same in every run.
fn suite(flaw: Flaw) -> StoreSuite {
    StoreSuite::new(move || async move { Arc::new(Naive::with(flaw)) })
}
