//! A throttle and a cache together: neither undoes the other.

use portcullis::basic::CredentialCache;

use super::throttle::{Gate, by_peer};

const HOME: &str = "198.51.100.7";
const ELSEWHERE: &str = "203.0.113.9";

fn gate() -> Gate {
    let gate = Gate::new(by_peer());
    Gate { auth: gate.auth.clone().cache(CredentialCache::new(10)), ..gate }
}

#[tokio::test]
async fn credentials_that_are_cached_can_be_guessed_no_faster_than_others() {
    for source in ["", HOME] {
        let gate = gate();
        for _ in 0..3 {
            assert_eq!(gate.from(source, "aladdin", "aladdin's password").await.status, 200);
            assert_eq!(gate.exhaust(source, "aladdin").await, (20, 1));
            // The right guess comes too late, like any other.
            let answer = gate.from(source, "aladdin", "aladdin's password").await;
            assert_eq!(answer.status, 429, "{source}");
            gate.wait(1);
        }
    }
}

#[tokio::test]
async fn what_is_cached_for_one_source_answers_no_other() {
    let gate = gate();
    assert_eq!(gate.from(HOME, "aladdin", "aladdin's password").await.status, 200);
    gate.exhaust(ELSEWHERE, "aladdin").await;
    gate.witness.take();
    for _ in 0..30 {
        assert_eq!(gate.from(ELSEWHERE, "aladdin", "aladdin's password").await.status, 429);
        assert_eq!(gate.from(ELSEWHERE, "aladdin", "wrong").await.status, 429);
        // And the guesses are no matter to who is at home.
        assert_eq!(gate.from(HOME, "aladdin", "aladdin's password").await.status, 200);
    }
    assert_eq!(gate.witness.take().len(), 0);
}

#[tokio::test]
async fn a_few_wrong_passwords_leave_what_is_cached() {
    let gate = gate();
    assert_eq!(gate.from(HOME, "aladdin", "aladdin's password").await.status, 200);
    for _ in 0..19 {
        assert_eq!(gate.from(HOME, "aladdin", "wrong").await.status, 401);
    }
    gate.witness.take();
    assert_eq!(gate.from(HOME, "aladdin", "aladdin's password").await.status, 200);
    assert_eq!(gate.witness.take().len(), 0);
}
