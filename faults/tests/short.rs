//! Each part with a choice of its cases. `cargo xtask faults` runs them whole.
#![allow(clippy::print_stdout, reason = "what a part has to tell is its result")]

use faults::{PARTS, Plan, run};

/// `FAULTS_SEED` chooses another choice.
fn short(name: &str) {
    let plan = Plan::of_environment(false, env!("CARGO_BIN_EXE_faults_target").into());
    let part = PARTS.iter().find(|part| part.name == name);
    let part = part.expect("a part of that name");
    match run(part, &plan) {
        Ok(figures) => println!("{name}: {figures}"),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn a_connection_that_is_cut_anywhere_loses_no_more_than_an_end_and_both_sides_are_told() {
    short("cuts");
}

#[test]
fn an_upgrade_that_is_interrupted_anywhere_loses_nothing_and_long_polling_goes_on() {
    short("upgrades");
}

#[test]
fn our_client_s_upgrades_that_fail_before_it_gives_its_word_lose_nothing() {
    short("our-upgrades");
}

#[test]
fn clients_of_a_killed_server_come_back_spread_over_time_with_new_ids() {
    short("kill");
}

#[test]
fn a_server_that_stood_still_gives_up_only_those_who_died() {
    short("stop");
}

#[test]
fn a_server_that_is_terminated_under_load_delivers_all_that_it_sent() {
    short("term");
}

#[test]
fn handlers_that_panic_or_never_return_or_block_are_nobody_else_s_business() {
    short("handlers");
}

#[test]
fn what_is_emitted_without_a_server_waits_within_its_limit_and_arrives_in_order() {
    short("offline");
}
