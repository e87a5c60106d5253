//! What becomes of requests when a store fails: what was tried, on real processes, and the test that tries it.
//!
//! In each row waiting is bounded, and nothing is accepted that should not be. What needs the store is a 503 with
//! `Retry-After`, seen through a layer, but for attempts to sign in, which each node then counts in its own memory.
//! Nothing that was acknowledged is lost, and nothing has to be restarted but what was killed.
//!
//! | SQLite (`tests/sql/faults_sqlite.rs`) | outcome | test |
//! |---|---|---|
//! | The process is killed between two writes and in the midst of one (`kill -9`) | What was acknowledged is there, and the file is whole | `a_process_that_is_killed_while_it_writes_has_stored_what_it_acknowledged` |
//! | Another process holds the write lock | Writes fail in time, reads go on, writes succeed when it is free | `while_another_holds_the_write_lock_writes_fail_in_time_and_reads_go_on` |
//! | All connections of the pool are in use | An error in time | `a_pool_that_is_used_up_fails_in_time` |
//! | The file is opened to read only | Reads are answered, writes fail, `check_ready` fails | `a_read_only_database_is_read_and_takes_nothing` |
//! | The disk is full (a bound on the pages of the file, which SQLite reports as a full disk) | Writes fail, reads go on, nothing is lost; writes go on when there is room | `a_full_disk_takes_nothing_loses_nothing_and_goes_on_when_there_is_room` |
//! | The same, a real one (where the tests may mount it) | The same; `check_ready` fails | `a_real_disk_that_is_full_is_not_ready_loses_nothing_and_goes_on_when_there_is_room` |
//!
//! | PostgreSQL (`tests/sql/faults_postgres.rs`, `faults_network.rs`) | outcome | test |
//! |---|---|---|
//! | The server is killed between requests (`kill -9`) and started again | 503 until it is back | `a_server_that_is_killed_is_a_503_until_it_is_back_and_has_what_it_acknowledged` |
//! | The server is killed during requests | What was acknowledged until then is there | `what_is_acknowledged_while_the_server_is_killed_is_there_afterwards` |
//! | The server cuts all connections | They are replaced | `connections_that_the_server_cuts_are_replaced` |
//! | All connections of the pool are in use | An error in time | `a_pool_that_is_used_up_fails_in_time` |
//! | The server takes no more connections | An answer or an error in time | `a_server_without_a_free_place_is_a_503` |
//! | A statement hangs, as another transaction holds the lock | It is ended in time, and the connection is good for the next | `a_statement_that_waits_for_a_lock_ends_in_time` |
//! | The server stands still, with its connections open (`kill -STOP`) | 503 in time; found again when it goes on; what was written meanwhile is not fresh again | `a_server_that_stands_still_is_a_503_in_time_and_is_found_again` |
//! | The network swallows what is sent, and tells nobody: while nobody asks | Connections are replaced before the next statement | `connections_that_fall_silent_while_nobody_asks_are_replaced_before_the_next_request` |
//! | … with a statement under way | 503 in time; the next is answered | `a_statement_that_the_network_swallows_fails_in_time_and_the_next_is_answered` |
//! | … and those who wait hang up | They hold no connection | `callers_who_hang_up_on_a_silent_network_hold_no_connection` |
//! | … and transactions are dropped | They hold none, either | `transactions_that_are_dropped_on_a_silent_network_hold_no_connection` |
//! | … and that of new connections, too | Not ready, 503 in time; found again when it carries | `while_the_network_is_silent_nothing_is_ready_and_it_is_found_again` |
//! | The standby is missing that it has to wait for (`synchronous_standby_names`) | Nothing is acknowledged, `check_ready` fails, reads are answered | `a_server_without_the_standby_that_it_waits_for_acknowledges_nothing_and_is_not_ready` |
//! | The session is read-only | Reads are answered, writes fail, `check_ready` fails | `a_replica_that_takes_no_writes_is_read_and_nothing_is_accepted_that_needs_one` |
//! | The server is a standby, and is promoted when the primary is killed | The same; then it takes writes, and knows what it had got. Its reads may be old: give the layers the primary's address | `a_standby_is_read_and_takes_nothing_and_knows_all_when_it_is_promoted` |
//!
//! | Redis (`tests/redis_faults`) | outcome | test |
//! |---|---|---|
//! | It is killed between requests, and started again | 503 until it is back, whatever is asked | `killed_between_requests_it_is_a_503_and_then_nothing_is_forgotten` |
//! | It is killed during requests: nonces | None is accepted twice | `killed_under_load_it_accepts_nothing_twice` |
//! | … revocations | Each that was acknowledged is kept | `killed_under_load_it_keeps_every_revocation_that_it_has_acknowledged` |
//! | … refresh tokens | None is good twice, and revoked families stay so | `killed_under_load_no_refresh_token_is_good_twice_and_what_was_revoked_stays_so` |
//! | … attempts to sign in | Each node counts alone, and all together again when it is back | `guesses_are_counted_by_all_nodes_together_and_by_each_alone_while_redis_is_down` |
//! | It is restarted while nobody asks | The next request is served | `restarted_while_nobody_asks_the_next_request_is_served` |
//! | It cuts the connection between requests | It is made anew | `cut_connections_are_made_anew` |
//! | It cuts the connection during requests | Nobody waits for ever, and nothing is accepted twice | `cut_under_load_nobody_waits_for_ever_and_nothing_is_accepted_twice` |
//! | It stands still, with its connections open (`kill -STOP`) | 503 in time; what it has done unheard is not done again | `stopped_where_it_stands_it_is_a_503_and_goes_on` |
//! | … and the address leads to another one | After three operations without an answer, the connection is left for the other | `while_it_hangs_its_connection_is_left_for_where_the_address_leads_now` |
//! | The network swallows what is sent, and tells nobody | The same, for a new connection | `a_connection_that_a_network_has_silenced_is_left_for_a_new_one` |
//! | 4096 operations wait for an answer (there is no pool, but one connection for all) | More are a 503 at once | `when_many_wait_more_are_refused_at_once` |
//! | It has forgotten the scripts | They are sent again | `scripts_that_redis_has_forgotten_are_sent_again` |
//! | It is a replica | It answers nothing, reads neither | `a_replica_answers_nothing` |
//! | It becomes a replica, and a primary again | 503 in between | `a_primary_that_becomes_a_replica_and_a_primary_again_recovers` |
//! | It becomes a replica, and the address leads to another | The connection is left for the other | `a_primary_that_becomes_a_replica_is_left_for_where_the_address_leads_now` |
//! | It is killed, and a replica is made the primary | What the replica has got, it knows | `what_a_replica_has_got_it_knows_when_it_becomes_the_primary` |
//! | It has fewer replicas than `min-replicas-to-write` | It answers nothing | `a_primary_without_the_replicas_that_it_needs_answers_nothing` |
//! | Its memory is full (`maxmemory`) | Nothing new is taken, and nothing forgotten | `a_full_memory_refuses_and_forgets_nothing` |
//! | … and nonces in it have expired | They make room | `in_a_full_memory_expired_nonces_make_room` |
//! | … and sessions are in it | They go on, and can be ended | `in_a_full_memory_no_session_begins_and_those_that_there_are_go_on_and_end` |
//!
//! The servers of these tests are killed without a power cut, and do not wait for the disk (`fsync = off`,
//! `appendfsync no`): a process that is killed loses nothing that the system has got. That it is on the disk when it is
//! acknowledged is what PostgreSQL's settings say by themselves, and [Redis's](super::redis#what-can-be-lost) if you
//! say so; that the disk keeps it is the disk's promise.
