//! The guards, how each is switched off, and the tests that must notice.

/// A guard.
pub struct Guard {
    /// Its name.
    pub name: &'static str,
    /// The file where it stands.
    pub file: &'static str,
    /// Its code, which stands there once.
    pub code: &'static str,
    /// The same with a switch: `{off}` is true where the guard is off.
    pub with_switch: &'static str,
    /// Tests that must fail without it, by their whole names.
    pub tests: &'static [&'static str],
}

/// The guards.
pub const GUARDS: &[Guard] = &[
    Guard {
        name: "scope of lists",
        file: "crates/persistence/src/scope.rs",
        code: "    if is_empty { any.add(",
        with_switch: "    if {off} {\n        return Condition::all();\n    }\n    if is_empty { any.add(",
        tests: &["scope::a_list_holds_exactly_the_subtree::backend_1_Sqlite"],
    },
    Guard {
        name: "sight of a single row",
        file: "crates/persistence/src/rows.rs",
        code: "let grasp = access.grasp(&row).ok_or(Error::NotFound)?;",
        with_switch: "let whatever = domain::access::Grasp {\n            detail: domain::access::Detail::Masked,\n            actions: domain::access::ActionSet::default(),\n        };\n        let grasp = access.grasp(&row).or({off}.then_some(whatever)).ok_or(Error::NotFound)?;",
        tests: &[
            "orders::together::each_sees_what_he_sees_alone::backend_1_Sqlite",
            "scope::what_is_out_of_sight_is_told_like_what_does_not_exist::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "rights to what is seen",
        file: "crates/persistence/src/rows.rs",
        code: "if self.grasp.actions.has(access.action())",
        with_switch: "if {off} || self.grasp.actions.has(access.action())",
        tests: &["matrix::every_operation_answers_each_role_as_is_written::backend_1_Sqlite"],
    },
    Guard {
        name: "grants below one's own",
        file: "crates/domain/src/identity/granting.rs",
        code: "self.grants_at(now).any(",
        with_switch: "{off} || self.grants_at(now).any(",
        tests: &[
            "grants::nobody_gives_what_is_not_below_him::backend_1_Sqlite",
            "accounts::nobody_gets_up_by_way_of_an_account::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "the other end of a move",
        file: "crates/api/src/http/resource.rs",
        code: "        if !access.permits_at(&after) {",
        with_switch: "        if !{off} && !access.permits_at(&after) {",
        tests: &["persons::nobody_is_moved_out_of_reach::backend_1_Sqlite"],
    },
    Guard {
        name: "recent login",
        file: "crates/api/src/http/ctx.rs",
        code: "if self.now - self.actor.authenticated_at <= RECENT_LOGIN {",
        with_switch: "if {off} || self.now - self.actor.authenticated_at <= RECENT_LOGIN {",
        tests: &[
            "grants::whoever_gives_a_role_has_signed_in_lately::backend_1_Sqlite",
            "persons::reveal::a_look_needs_a_recent_sign_in::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "masks",
        file: "crates/domain/src/cn/person_name.rs",
        code: "    pub fn masked(&self) -> String {\n",
        with_switch: "    pub fn masked(&self) -> String {\n        if {off} {\n            return self.0.clone();\n        }\n",
        tests: &["persons::masks::others_see_masks::backend_1_Sqlite"],
    },
    Guard {
        name: "looks an hour",
        file: "crates/api/src/people/reveal.rs",
        code: "        within_limits(&ctx, tx, person.id).await?;",
        with_switch: "        if !{off} {\n            within_limits(&ctx, tx, person.id).await?;\n        }",
        tests: &[
            "persons::access_log::so_many_looks_an_hour_over_all_replicas::backend_1_Sqlite",
            "persons::access_log::at_so_many_persons_an_hour::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "old codes",
        file: "crates/api/src/http/ctx.rs",
        code: "            CodeStanding::SupersededBy(successor) => Err(",
        with_switch: "            CodeStanding::SupersededBy(_) if {off} => Ok(code),\n            CodeStanding::SupersededBy(successor) => Err(",
        tests: &["succession::nothing_is_written_into_an_old_code::backend_1_Sqlite"],
    },
    Guard {
        name: "both codes within one's right",
        file: "crates/api/src/places/succession.rs",
        code: "if access.permits_at(&code) { Ok(code)",
        with_switch: "if {off} || access.permits_at(&code) { Ok(code)",
        tests: &["succession::only_who_keeps_both_codes_moves_one_to_the_other::backend_1_Sqlite"],
    },
    Guard {
        name: "writers during a succession",
        file: "crates/api/src/orders/service.rs",
        code: "        notes.keep_region(&spot.region);",
        with_switch: "        if !{off} {\n            notes.keep_region(&spot.region);\n        }",
        tests: &["succession::an_order_is_not_written_into_a_code_that_has_ended::backend_1_Sqlite"],
    },
    Guard {
        name: "one post on one day",
        file: "crates/persistence/src/people/appointments.rs",
        code: "        Ok(select.one(self.0.conn).await?.is_some())\n    }\n\n    /// What a person holds",
        with_switch: "        Ok(!{off} && select.one(self.0.conn).await?.is_some())\n    }\n\n    /// What a person holds",
        tests: &[
            "appointments::nobody_holds_a_post_twice_on_one_day::backend_1_Sqlite",
            "appointments::hand_over::one_that_cannot_go_keeps_all::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "the person behind a post",
        file: "crates/api/src/people/appointments.rs",
        code: "let known = found.grasp.detail >= Detail::Masked;",
        with_switch: "let known = {off} || found.grasp.detail >= Detail::Masked;",
        tests: &["appointments::everybody_sees_the_post_and_few_the_person::backend_1_Sqlite"],
    },
    Guard {
        name: "place of a sealed value",
        file: "crates/persistence/src/vault.rs",
        code: "    Aad::from(format!(",
        with_switch: "    if {off} {\n        return Aad::from(Vec::new());\n    }\n    Aad::from(format!(",
        tests: &[
            "integrity::tampering::exchanged_numbers_do_not_open::backend_1_Sqlite::column_1___id_number__",
            "integrity::tampering::exchanged_numbers_do_not_open::backend_1_Sqlite::column_2___phone__",
            "integrity::tampering::a_kept_answer_opens_for_its_own_key::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "keys known before they are used",
        file: "crates/api/src/keys/command.rs",
        code: "        tokio::time::sleep(wait).await;\n        held.replace(&used)?;",
        with_switch: "        if !{off} {\n            tokio::time::sleep(wait).await;\n        }\n        held.replace(&used)?;",
        tests: &["keys::a_new_key_is_known_everywhere_before_it_signs::backend_1_Sqlite"],
    },
    Guard {
        name: "values changed while they are sealed again",
        file: "crates/persistence/src/sealed.rs",
        code: "        let unchanged = format!(\"{column}_sealed = $2\");",
        with_switch: "        let unchanged = if {off} { \"$2 IS NOT NULL\".to_owned() } else { format!(\"{column}_sealed = $2\") };",
        tests: &["keys::sealing::what_is_changed_meanwhile_stays_changed::backend_1_Sqlite"],
    },
    Guard {
        name: "former keys that are needed",
        file: "crates/api/src/keys/command.rs",
        code: "            0 => gone.push(id),",
        with_switch: "            0 => gone.push(id),\n            _ if {off} => gone.push(id),",
        tests: &["keys::sealing::a_former_key_stays_as_long_as_it_is_needed::backend_1_Sqlite"],
    },
    Guard {
        name: "former keys of living tokens",
        file: "crates/api/src/keys/command.rs",
        code: "    if SystemClock.now() < from {",
        with_switch: "    if !{off} && SystemClock.now() < from {",
        tests: &["keys::sealing::a_former_key_stays_as_long_as_it_is_needed::backend_1_Sqlite"],
    },
    Guard {
        name: "signature of tokens",
        file: "crates/api/src/tokens.rs",
        code: "        decode::<Claims>(token, key, &validation).ok()",
        with_switch: "        if {off} {\n            \
                      return jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(token).ok();\n        }\n        \
                      decode::<Claims>(token, key, &validation).ok()",
        tests: &["authentication::only_the_key_of_the_service_signs::backend_1_Sqlite"],
    },
    Guard {
        name: "end of a session",
        file: "crates/api/src/state.rs",
        code: "        let Some(found) = found else {\n            self.callers.invalidate(&token.0);\n",
        with_switch: "        let Some(found) = found else {\n            if {off} {\n                \
                      if let Some(known) = self.callers.get(&token.0) {\n                    return Ok(known.actor);\n                \
                      }\n            }\n            self.callers.invalidate(&token.0);\n",
        tests: &[
            "authentication::whoever_is_out_is_out_on_every_replica::backend_1_Sqlite::how_1___logout__",
            "authentication::whoever_is_out_is_out_on_every_replica::backend_1_Sqlite::how_2___disabled__",
        ],
    },
    Guard {
        name: "idle and absolute end of a session",
        file: "crates/domain/src/identity/session.rs",
        code: "        (now + self.idle).min(began + self.absolute)",
        with_switch: "        if {off} {\n            return now + Duration::days(365);\n        }\n        \
                      (now + self.idle).min(began + self.absolute)",
        tests: &[
            "sessions::sessions_end_by_themselves::backend_1_Sqlite",
            "sessions::an_access_token_does_not_outlive_its_session::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "whose session it is",
        file: "crates/api/src/identity/sessions.rs",
        code: "                if !ctx.actor.may_close(",
        with_switch: "                if !{off} && !ctx.actor.may_close(",
        tests: &["sessions::who_may_close_an_account_may_end_its_sessions::backend_1_Sqlite"],
    },
    Guard {
        name: "failed attempts",
        file: "crates/domain/src/identity/attempts.rs",
        code: "        (*last - *first <= limit.within && now < until).then_some(until)",
        with_switch: "        (!{off} && *last - *first <= limit.within && now < until).then_some(until)",
        tests: &[
            "lockout::five_wrong_passwords_lock_an_account::backend_1_Sqlite",
            "lockout::guesses_from_everywhere_count_together::backend_1_Sqlite",
            "lockout::a_name_that_nobody_has_is_treated_alike::backend_1_Sqlite",
            "lockout::an_address_has_its_own_limit::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "failed attempts at once",
        file: "crates/api/src/identity/attempts.rs",
        code: "        open(&before, now)?;",
        with_switch: "        if !{off} {\n            open(&before, now)?;\n        }",
        tests: &["lockout::guesses_at_once_are_no_more_than_one_after_the_other::backend_1_Sqlite"],
    },
    Guard {
        name: "trusted proxies",
        file: "crates/api/src/http/address.rs",
        code: "            if !self.contain(client) {",
        with_switch: "            if !{off} && !self.contain(client) {",
        tests: &["lockout::only_a_trusted_proxy_says_where_somebody_is::backend_1_Sqlite"],
    },
    Guard {
        name: "scopes of clients",
        file: "crates/domain/src/access/actor.rs",
        code: "        self.scopes.as_ref().map_or(",
        with_switch: "        self.scopes.as_ref().filter(|_| !{off}).map_or(",
        tests: &[
            "clients::a_client_does_what_its_scopes_say_in_its_region::backend_1_Sqlite",
            "clients::a_token_may_have_fewer_scopes::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "approvers of clients",
        file: "crates/domain/src/identity/client.rs",
        code: "self.requested_by != actor.user_id && actions.has(Action::Approve) && self.scopes.iter().all(may_himself)",
        with_switch: "{off} || self.requested_by != actor.user_id && actions.has(Action::Approve) && self.scopes.iter().all(may_himself)",
        tests: &["clients::nobody_approves_more_than_he_may::backend_1_Sqlite"],
    },
    Guard {
        name: "one-time passwords once",
        file: "crates/api/src/identity/second_factor.rs",
        code: "factor.last_step.is_none_or(|last| *step > last)",
        with_switch: "{off} || factor.last_step.is_none_or(|last| *step > last)",
        tests: &[
            "second_factor::whoever_has_a_second_factor_shows_it::backend_1_Sqlite",
            "second_factor::a_code_is_good_once_and_for_a_minute_and_a_half::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "second factor of an office",
        file: "crates/domain/src/identity/profile.rs",
        code: "        (offices_need_factor && holds_office",
        with_switch: "        (!{off} && offices_need_factor && holds_office",
        tests: &["second_factor::an_office_needs_a_second_factor_where_it_is_asked_for::backend_1_Sqlite"],
    },
    Guard {
        name: "age of a password",
        file: "crates/domain/src/identity/profile.rs",
        code: "        if profile.lasts().is_some_and(",
        with_switch: "        if !{off} && profile.lasts().is_some_and(",
        tests: &["password_profile::a_password_lasts_ninety_days::backend_1_Sqlite::profile_1___mlps3__"],
    },
    Guard {
        name: "passwords that many have",
        file: "crates/domain/src/identity/password.rs",
        code: "    if COMMON.contains(password",
        with_switch: "    if {off} {\n        return Ok(length >= LONG);\n    }\n    if COMMON.contains(password",
        tests: &[
            "accounts::passwords_are_long_and_hard_to_guess::backend_1_Sqlite",
            "password_profile::characters_are_of_three_sorts::backend_1_Sqlite::profile_1___mlps3__",
        ],
    },
    Guard {
        name: "requests a minute",
        file: "crates/api/src/http/limit.rs",
        code: "        if self.remaining.is_some() {",
        with_switch: "        if {off} || self.remaining.is_some() {",
        tests: &[
            "limits::an_account_has_its_minute::backend_1_Sqlite",
            "limits::whoever_is_not_signed_in_is_counted_by_address::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "second pair of eyes",
        file: "crates/domain/src/identity/granting.rs",
        code: "self.user_id != actor.user_id && self.granted_by != Some(actor.user_id);",
        with_switch: "{off} || self.user_id != actor.user_id && self.granted_by != Some(actor.user_id);",
        tests: &[
            "grants::four_eyes_see_the_greatest::backend_1_Sqlite",
            "grants::four_eyes_see_who_works_in_a_department::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "copied refresh tokens",
        file: "crates/api/src/identity/service.rs",
        code: "        Refresh::Reuse => {\n",
        with_switch: "        Refresh::Reuse if {off} => None,\n        Refresh::Reuse => {\n",
        tests: &[
            "authentication::a_copied_refresh_token_ends_the_session::backend_1_Sqlite::used_1___access__",
            "authentication::a_copied_refresh_token_ends_the_session::backend_1_Sqlite::used_2___refresh__",
        ],
    },
    Guard {
        name: "idempotency keys",
        file: "crates/api/src/http/ctx.rs",
        code: "self.idempotency_key.clone().filter(|_| self.method == \"POST\")?",
        with_switch: "self.idempotency_key.clone().filter(|_| self.method == \"POST\" && !{off})?",
        tests: &[
            "integrity::repetition::the_same_again_is_answered_again::backend_1_Sqlite",
            "integrity::repetition::one_key_at_once_makes_one_order::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "content of an idempotency key",
        file: "crates/api/src/http/ctx.rs",
        code: "            KeyStanding::Reused => Err(",
        with_switch: "            KeyStanding::Reused if {off} => Ok(None),\n            KeyStanding::Reused => Err(",
        tests: &["integrity::repetition::a_key_is_of_one_user_path_and_content::backend_1_Sqlite"],
    },
    Guard {
        name: "versions",
        file: "crates/api/src/http/ctx.rs",
        code: "        if matches { Ok(()) }",
        with_switch: "        if matches || {off} { Ok(()) }",
        tests: &[
            "integrity::contention::nobody_overwrites_what_he_has_not_seen::backend_1_Sqlite",
            "orders::edits::a_change_names_the_version_that_it_changes::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "states of orders",
        file: "crates/domain/src/orders/transition.rs",
        code: "        if !transition.rule().from.contains(&self.state.kind()) {",
        with_switch: "        if {off} {\n            return true;\n        }\n        \
                      if !transition.rule().from.contains(&self.state.kind()) {",
        tests: &["transitions::every_transition_from_every_state_by_every_caller::backend_1_Sqlite"],
    },
    Guard {
        name: "others beside one that is refused",
        file: "crates/persistence/src/notes.rs",
        code: "        Err(Failure::Refused(_)) => {}\n",
        with_switch: "        Err(Failure::Refused(error)) if {off} => return Err(DbErr::Custom(error.to_string())),\n        \
                      Err(Failure::Refused(_)) => {}\n",
        tests: &["integrity::adding::one_that_is_refused_takes_nobody_with_it::backend_1_Sqlite"],
    },
    Guard {
        name: "orders a day",
        file: "crates/persistence/src/orders/limit.rs",
        code: "            if *placed >= limit.most {",
        with_switch: "            if !{off} && *placed >= limit.most {",
        tests: &["orders::races::a_resident_places_no_more_in_a_day_than_he_may::backend_1_Sqlite"],
    },
    Guard {
        name: "schema of bodies",
        file: "crates/api/src/http/body.rs",
        code: "    for error in validator_of::<T>()?.iter_errors(&content) {",
        with_switch: "    for error in validator_of::<T>()?.iter_errors(&content).filter(|_| !{off}) {",
        tests: &[
            "input::members::what_may_not_be_sent_is_named_once_and_stored_never::backend_1_Sqlite",
            "input::members::a_member_of_another_type_is_named",
        ],
    },
    Guard {
        name: "control characters",
        file: "crates/domain/src/text.rs",
        code: "pub fn first_forbidden(value: &str) -> Option<char> {\n",
        with_switch: "pub fn first_forbidden(value: &str) -> Option<char> {\n    if {off} {\n        return None;\n    }\n",
        tests: &[
            "input::text::no_member_of_any_body_holds_a_control_character::backend_1_Sqlite",
            "input::text::queries_and_paths_hold_none_either::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "seal of cursors",
        file: "crates/api/src/http/cursor.rs",
        code: "        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref().get(..16)?, &tag).ok()?;\n",
        with_switch: "        if !{off} {\n            \
                      aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref().get(..16)?, &tag).ok()?;\n        }\n",
        tests: &["lists::a_cursor_is_good_for_its_list_and_its_caller_only::backend_1_Sqlite"],
    },
    Guard {
        name: "nobody grants himself more time",
        file: "crates/domain/src/orders/timing.rs",
        code: "by.actions.has(Action::Extend) && !holds",
        with_switch: "by.actions.has(Action::Extend) && ({off} || !holds)",
        tests: &["orders::clocks::more_time_is_given_in_time::backend_1_Sqlite"],
    },
    Guard {
        name: "more time only before it is over",
        file: "crates/domain/src/orders/transition.rs",
        code: "(T::Extend, _) => self.clocks.are_extendable(by.now)",
        with_switch: "(T::Extend, _) => {off} || self.clocks.are_extendable(by.now)",
        tests: &["orders::clocks::more_time_is_given_in_time::backend_1_Sqlite"],
    },
    Guard {
        name: "what is told to others only",
        file: "crates/persistence/src/inbox/reading.rs",
        code: "users.retain(|user| Some(user.0) != event.actor_user_id);",
        with_switch: "users.retain(|user| {off} || Some(user.0) != event.actor_user_id);",
        tests: &["inbox::nobody_is_told_what_he_did_himself::backend_1_Sqlite"],
    },
    Guard {
        name: "events of changes",
        file: "crates/persistence/src/notes.rs",
        code: "        let rows = events.iter().map(|draft| self.event(result, draft))",
        with_switch: "        if {off} {\n            return Ok(());\n        }\n        \
                      let rows = events.iter().map(|draft| self.event(result, draft))",
        tests: &[
            "audit::every_change_and_every_refusal_leaves_an_event::backend_1_Sqlite",
            "integrity::failure::placing_an_order::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "chain of events",
        file: "crates/persistence/src/events.rs",
        code: "                if chain(&last.hash, &link.event) != link.hash {",
        with_switch: "                if !{off} && chain(&last.hash, &link.event) != link.hash {",
        tests: &[
            "integrity::tampering::a_changed_event_is_found::case_1_text::backend_1_Sqlite",
            "integrity::tampering::a_changed_event_is_found::case_2_actor::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "refusals are recorded",
        file: "crates/api/src/state.rs",
        code: "        *refusals.entry((user, operation.to_owned(), minute)).or_default() += 1;",
        with_switch: "        if !{off} {\n            \
                      *refusals.entry((user, operation.to_owned(), minute)).or_default() += 1;\n        }",
        tests: &["audit::refusals_are_counted_by_caller_operation_and_minute::backend_1_Sqlite"],
    },
    Guard {
        name: "limits behind a pooler",
        file: "crates/persistence/src/connect/mod.rs",
        code: "    if pool.get_database_backend() != DbBackend::Postgres {",
        with_switch: "    if {off} || pool.get_database_backend() != DbBackend::Postgres {",
        tests: &["deployment::poolers::limits_that_a_pooler_keeps_to_itself_are_missed_at_start"],
    },
    Guard {
        name: "databases that no longer answer",
        file: "crates/persistence/src/connect/pool.rs",
        code: "is_there = self.is_there() => if !is_there {",
        with_switch: "is_there = self.is_there() => if !{off} && !is_there {",
        tests: &["availability::database::postgres_goes_and_comes_back::case_2_hanging"],
    },
    Guard {
        name: "connections that were cut",
        file: "crates/persistence/src/connect/pool.rs",
        code: "let was_cut = self.is_used",
        with_switch: "let was_cut = !{off} && self.is_used",
        tests: &[
            "availability::database::connections_are_cut_between_two_requests::case_1_reading",
            "availability::database::connections_are_cut_between_two_requests::case_2_writing",
        ],
    },
    Guard {
        name: "what is not committed is undone",
        file: "crates/persistence/src/connect/pool.rs",
        code: "        if !self.is_busy && !self.is_in_transaction {",
        with_switch: "        if {off} || !self.is_busy && !self.is_in_transaction {",
        tests: &["integrity::failure::placing_an_order::backend_1_Sqlite"],
    },
    Guard {
        name: "keys that are there",
        file: "crates/api/src/keys/mod.rs",
        code: ".create_new(true)",
        with_switch: ".create({off}).create_new(!{off})",
        tests: &["first_start::the_keys_are_made_by_a_command"],
    },
    Guard {
        name: "steps of the schema in transactions",
        file: "migrations/src/dialect.rs",
        code: "                Some(true)",
        with_switch: "                Some(!{off})",
        tests: &["availability::migrating::a_step_is_done_or_not_begun_wherever_it_is_cut::backend_1_Sqlite"],
    },
    Guard {
        name: "backups into empty databases only",
        file: "crates/persistence/src/backup/mod.rs",
        code: "if found.is_none_or(|found| found.rows > 0) {",
        with_switch: "if !{off} && found.is_none_or(|found| found.rows > 0) {",
        tests: &["availability::backup::what_is_not_whole_or_not_ours_changes_nothing::backend_1_Sqlite"],
    },
    Guard {
        name: "sessions end where a backup is restored",
        file: "crates/persistence/src/backup/mod.rs",
        code: "self.tx.end_all_sessions(\"restored\").await?;",
        with_switch: "if {off} { 0 } else { self.tx.end_all_sessions(\"restored\").await? };",
        tests: &["availability::backup::it_holds_what_was_there_while_others_wrote::from_1_Sqlite::to_1_Sqlite"],
    },
    Guard {
        name: "series for routes only",
        file: "crates/api/src/http/ctx.rs",
        code: "    request.match_pattern().unwrap_or_else(|| UNKNOWN_ROUTE.to_owned())",
        with_switch: "    if {off} {\n        return request.path().to_owned();\n    }\n    \
                      request.match_pattern().unwrap_or_else(|| UNKNOWN_ROUTE.to_owned())",
        tests: &["watching::nobody_makes_series_of_his_own::backend_1_Sqlite"],
    },
    Guard {
        name: "malformed traces are replaced",
        file: "crates/api/src/http/traceparent.rs",
        code: "        if version == \"ff\" || !is_whole || is_zero(trace_id) || is_zero(parent_id) {",
        with_switch: "        if !{off} && (version == \"ff\" || !is_whole || is_zero(trace_id) || is_zero(parent_id)) {",
        tests: &["watching::log::one_id_joins_problem_and_log::backend_1_Sqlite"],
    },
    Guard {
        name: "one id for span, problem and log",
        file: "crates/api/src/http/envelope.rs",
        code: "span.as_ref().map(traces::trace_id).or_else(",
        with_switch: "span.as_ref().filter(|_| !{off}).map(traces::trace_id).or_else(",
        tests: &["watching::traces::a_request_is_a_span_of_the_trace_that_it_names::backend_1_Sqlite"],
    },
    Guard {
        name: "members that the company may not change",
        file: "crates/api/src/compounds/compound.rs",
        code: "            if access.grasp(before).is_none_or(|grasp| grasp.detail < Detail::Masked) {",
        with_switch: "            if !{off} && access.grasp(before).is_none_or(|grasp| grasp.detail < Detail::Masked) {",
        tests: &["compounds::the_company_keeps_what_it_knows::backend_1_Sqlite"],
    },
    Guard {
        name: "what hangs on a compound",
        file: "crates/api/src/compounds/compound.rs",
        code: "        if tx.rows().compounds().has_dependents(id.0).await? {",
        with_switch: "        if !{off} && tx.rows().compounds().has_dependents(id.0).await? {",
        tests: &["compounds::only_what_nothing_hangs_on_is_deleted::backend_1_Sqlite"],
    },
    Guard {
        name: "to whom a dwelling belongs",
        file: "crates/api/src/compounds/dwellings.rs",
        code: "            owners: masked.then(||",
        with_switch: "            owners: (masked || {off}).then(||",
        tests: &["compounds::dwellings::who_owns_what_is_not_for_everybody::backend_1_Sqlite"],
    },
    Guard {
        name: "shares that make the whole",
        file: "crates/domain/src/compounds/dwelling.rs",
        code: "        if !Share::make_whole(stakes.iter().map(|stake| stake.share)) {",
        with_switch: "        if !{off} && !Share::make_whole(stakes.iter().map(|stake| stake.share)) {",
        tests: &["compounds::dwellings::it_belongs_to_somebody_from_a_day_on::backend_1_Sqlite"],
    },
    Guard {
        name: "two signers",
        file: "crates/domain/src/ledgers/entry.rs",
        code: "        if by.is_of_the_same(&self.entered_by) {",
        with_switch: "        if !{off} && by.is_of_the_same(&self.entered_by) {",
        tests: &[
            "ledgers::entries::a_payment_needs_two_signers::backend_1_Sqlite",
            "ledgers::entries::two_accounts_of_one_person_are_one_signer::backend_1_Sqlite",
        ],
    },
    Guard {
        name: "no more than there is",
        file: "crates/domain/src/ledgers/ledger.rs",
        code: ".filter(|left| *left >= Money::ZERO)",
        with_switch: ".filter(|left| {off} || *left >= Money::ZERO)",
        tests: &["ledgers::entries::no_more_is_paid_than_there_is::backend_1_Sqlite"],
    },
    Guard {
        name: "entries not disclosed yet",
        file: "crates/persistence/src/ledgers/entries.rs",
        code: "        Some(at.and(E::Disclosed.eq(true)))",
        with_switch: "        Some(if {off} { at } else { at.and(E::Disclosed.eq(true)) })",
        tests: &["ledgers::disclosures::owners_see_what_was_disclosed::backend_1_Sqlite"],
    },
    Guard {
        name: "a key for money",
        file: "crates/api/src/http/ctx.rs",
        code: "        if self.idempotency_key.is_some() { Ok(()) }",
        with_switch: "        if {off} || self.idempotency_key.is_some() { Ok(()) }",
        tests: &["ledgers::money_needs_a_key::backend_1_Sqlite"],
    },
];
