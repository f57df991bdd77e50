//! How often each rule was used.
use std::collections::BTreeMap;

/// Every rule that a case can touch, as counted by [`run`](super::rules::run).
pub const RULES: &str = "all_failed all_finished all_successful always_run any_failed any_successful some_failed \
    some_successful not_all_skipped manual_only custom_trigger trigger_false trigger_error trigger_signal \
    all_upstreams_skipped bound_share bound_count no_upstream upstream_waits upstream_twice upstream_skipped \
    load_failed missing_input set_running body_ok body_error body_panic body_timeout body_signal body_pause body_retry \
    body_endrun running_vetoed retry retry_exhausted retry_on_refuses retry_on_panics retry_on_without_result \
    retry_delay handler_pass handler_none handler_replaces handler_error handler_signal handler_pause handler_endrun \
    on_failure rescued retry_cancelled run_again_by_handler flow_handler_replaces flow_handler_error flow_vetoed \
    flow_on_failure terminal_handler flow_success flow_failed flow_no_failed flow_unfinished reference_tasks \
    mapped mapped_nothing unmappable no_list mapping_vetoed lists_differ child_skipped child_of_child spliced \
    list_failed reduced reduced_nothing joined child_retries child_waits child_index \
    body_loop loop_result loop_resumed loop_in_child loop_retry \
    case_matches case_differs ifelse merge merge_of_nothing merge_second skipped_branch filter filter_left_out parameter \
    resource_cleanup resource_missing cleanup_fails \
    cache_kept cache_expired cache_never cache_inputs_differ cache_inputs_same cache_parameters_differ \
    cache_parameters_same cache_of_another_type cache_by_another cache_not_finished found_refused found_replaced \
    found_untriggered found_without_input found_for_child found_while_looping handler_refuses \
    target_found target_and_cache place_without_input write_fails write_nowhere written_twice";

/// How often each rule was used.
pub type Hits = BTreeMap<&'static str, u64>;
