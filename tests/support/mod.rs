//! What the integration tests share: `mod support;` in a test file brings it in.
#![allow(
    dead_code,
    unused_macros,
    unused_imports,
    reason = "each test file uses its own part"
)]

pub mod afterwards;
pub mod database;
pub mod house;
pub mod http;
pub mod outsider;
pub mod post;
pub mod program;
pub mod register;
pub mod smtp;
pub mod tamper;

/// Tells each story on both databases, each time on an empty one of its own.
///
/// ```ignore
/// on_both! { open => an_approver_signs  a_used_link_changes_nothing }
///
/// async fn open(url: String) -> Register { … }        // the world, made on a database URL
/// async fn an_approver_signs(register: Register) { … }
/// ```
///
/// makes the tests `an_approver_signs::on_sqlite` and `an_approver_signs::on_postgresql`. Without
/// TEST_POSTGRES the second fails: a suite that left half of it out must not look green.
///
/// `on_both! { now open => … }` does the same with plain functions, for what waits in threads.
macro_rules! on_both {
    (now $open:path => $($story:ident)+) => { $(mod $story {
        #[test]
        fn on_sqlite() {
            let (_folder, url) = crate::support::database::fresh_sqlite();
            super::$story($open(url));
        }

        #[test]
        fn on_postgresql() {
            let (_schema, url) = crate::support::database::fresh_postgres();
            super::$story($open(url));
        }
    })+ };
    ($open:ident => $($story:ident)+) => { $(mod $story {
        #[tokio::test(flavor = "multi_thread")]
        async fn on_sqlite() {
            let (_folder, url) = crate::support::database::fresh_sqlite();
            super::$story(super::$open(url).await).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn on_postgresql() {
            let (_schema, url) = crate::support::database::fresh_postgres();
            super::$story(super::$open(url).await).await;
        }
    })+ };
}
pub(crate) use on_both;
