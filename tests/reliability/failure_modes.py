"""What others reported of rollouts on SageMaker, and the test that holds each: number -> what happens, file, test."""

SERVICE, PLANNING, LOCAL = "tests/service", "tests/unit/planning", "tests/unit/local"
ROLLOUTS, EVENTS = f"{SERVICE}/test_rollouts.py", f"{SERVICE}/test_events.py"
MODES, STRATEGIES = f"{SERVICE}/test_failure_modes.py", f"{SERVICE}/test_strategies.py"

ROWS: dict[int, tuple[str, str, str]] = {
    1: (
        "an endpoint that is being changed refuses the next change",
        ROLLOUTS,
        "test_an_endpoint_that_is_busy_is_gone_on_with_by_its_own_event",
    ),
    2: (
        "SageMaker goes back to the old config without a word, and the endpoint looks well",
        ROLLOUTS,
        "test_a_silent_rollback_is_seen_recorded_and_told",
    ),
    3: (
        "a rollback fails half-way, and the endpoint serves a mix",
        f"{PLANNING}/test_rollout.py",
        "test_an_endpoint_that_serves_a_mix_is_moved_to_what_it_should_serve",
    ),
    4: (
        "somebody deletes the config that an endpoint uses",
        MODES,
        "test_04_a_config_in_use_that_somebody_deletes_is_made_anew_and_the_update_goes_on",
    ),
    5: (
        "a config with the name is there already",
        MODES,
        "test_05_a_model_and_a_config_that_are_there_already_are_used",
    ),
    6: (
        "an endpoint with the name is there already",
        MODES,
        "test_06_an_endpoint_that_is_there_already_is_taken_over",
    ),
    7: (
        "what is missing is told by the same error code as bad input",
        "tests/unit/aws/test_errors.py",
        "test_a_refusal_that_is_known_becomes_its_own_error",
    ),
    8: (
        "names grow too long, or two become one when they are cut",
        "tests/unit/core/test_names.py",
        "test_names_that_differ_when_joined_still_differ_when_cut",
    ),
    9: (
        "a config cannot be seen right after it was made",
        ROLLOUTS,
        "test_a_config_that_cannot_be_seen_yet_is_waited_for",
    ),
    10: (
        "an edit of metadata tells of an approved version again",
        EVENTS,
        "test_a_metadata_stamp_on_an_approved_version_does_not_deploy_it_again",
    ),
    11: (
        "registering a version that waits for approval starts a rollout",
        MODES,
        "test_11_a_version_that_waits_for_its_approval_moves_no_endpoint",
    ),
    12: (
        "an event lacks a field that somebody filters by",
        EVENTS,
        "test_no_shape_of_an_event_makes_a_settled_world_change_anything",
    ),
    13: (
        "a rule leads nowhere, and nobody notices",
        MODES,
        "test_13_what_a_rule_without_a_target_drops_is_found_by_the_sweep_which_tells_that_nobody_told",
    ),
    14: (
        "the newest version is not the one approved last",
        ROLLOUTS,
        "test_three_approvals_in_quick_succession_end_on_the_last_one",
    ),
    15: (
        "more than a hundred versions come in pages",
        f"{SERVICE}/test_costs.py",
        "test_all_versions_with_their_metrics_cost_two_calls_for_each_hundred",
    ),
    16: (
        "lists leave fields out",
        "tests/unit/aws/test_reading.py",
        "test_the_least_that_sagemaker_tells_makes_a_version",
    ),
    17: (
        "the archive of a version is replaced after its registration",
        f"{SERVICE}/test_decisions.py",
        "test_a_download_of_bytes_that_somebody_replaced_leaves_no_file",
    ),
    18: (
        "another account or region denies the artifact, the key or the image at the deployment",
        MODES,
        "test_18_what_another_account_or_region_denies_is_named_and_the_live_version_serves_on",
    ),
    19: (
        "a group of another account is not found by its ARN, or its policy cannot be shared",
        "tests/infra/test_accounts.py",
        "test_others_are_let_in_by_role_and_only_to_what_serves",
    ),
    20: (
        "a version takes no tags",
        MODES,
        "test_20_a_version_carries_in_its_metadata_what_it_would_in_tags",
    ),
    21: (
        "a model may not repeat what its version says",
        MODES,
        "test_21_a_model_of_a_version_with_variables_names_the_version_and_nothing_else",
    ),
    22: (
        "a decision comes without a word",
        f"{SERVICE}/test_console.py",
        "test_a_move_into_production_without_a_word_is_rolled_out",
    ),
    23: (
        "a version is registered as approved, past the review",
        EVENTS,
        "test_a_version_that_was_registered_as_approved_is_reviewed_like_one_that_was_approved",
    ),
    24: (
        "AWS asks to slow down for longer than clients wait",
        f"{SERVICE}/test_faults.py",
        "test_a_scenario_survives_a_fault_at_every_call",
    ),
    25: (
        "an endpoint never comes up and can only be deleted",
        ROLLOUTS,
        "test_a_first_version_that_fails_leaves_an_endpoint_that_the_next_promotion_makes_anew",
    ),
    26: (
        "a variant changes its name, or an endpoint goes, while its instances are scaled",
        f"{SERVICE}/test_scaling.py",
        "test_an_endpoint_that_is_deleted_is_scaled_no_more",
    ),
    27: (
        "SageMaker moves everything at once although a careful rollout was asked for",
        MODES,
        "test_27_what_sagemaker_would_silently_do_all_at_once_is_refused_when_the_file_is_read",
    ),
    28: (
        "an update resets the number of instances",
        f"{SERVICE}/test_scaling.py",
        "test_the_number_of_instances_survives_a_new_version_and_new_limits",
    ),
    29: (
        "the time limit of a rollout is not passed on",
        STRATEGIES,
        "test_a_canary_asks_for_its_part_its_waits_its_limit_and_the_alarms_of_the_endpoint",
    ),
    30: (
        "an endpoint has another name or ARN afterwards, and callers and policies know the old one",
        MODES,
        "test_30_an_endpoint_keeps_its_name_and_arn_whatever_is_rolled_out",
    ),
    31: (
        "two writers edit a version at once",
        f"{SERVICE}/test_faults.py",
        "test_somebody_who_edits_versions_at_any_moment_never_makes_the_wrong_one_serve",
    ),
    32: (
        "events never arrive",
        f"{SERVICE}/test_faults.py",
        "test_a_scenario_survives_events_that_travel_badly",
    ),
    33: (
        "events spell names, states and times in other ways than the API",
        EVENTS,
        "test_old_events_of_endpoints_change_nothing_in_whatever_case_they_name_them",
    ),
    34: (
        "nobody reads why a registration failed",
        f"{SERVICE}/test_registering.py",
        "test_bad_input_is_refused_with_thing_rule_and_next_step_before_anything_is_changed",
    ),
}
