//! Statements that the database compiles once.
use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Untyped;
use diesel::{QueryResult, RunQueryDsl};

/// A statement that is kept compiled, found again by its text. Diesel has updates and lists (`IN`)
/// compiled each time, because their text may differ from call to call. Wrap one whose text is
/// always one of a few, where it runs often; every text stays in memory.
#[derive(Debug, Clone, Copy)]
pub struct Kept<Q>(pub Q);

impl<Q> QueryId for Kept<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Kept<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

impl<Q: Query> Query for Kept<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Kept<Q> {}

impl<Q> Kept<Q> {
    /// Runs an update or a deletion. `execute` would not do: it hands a reference on, and Diesel
    /// asks what is behind the reference whether it may be kept.
    ///
    /// # Errors
    /// When the database fails.
    pub fn run<C>(self, conn: &mut C) -> QueryResult<()>
    where
        C: LoadConnection,
        Q: QueryFragment<C::Backend>,
        C::Backend: diesel::expression::QueryMetadata<Untyped>,
    {
        for row in conn.load(Rowless(self))? {
            row?;
        }
        Ok(())
    }
}

/// A statement that answers with no rows.
struct Rowless<Q>(Kept<Q>);

impl<Q> QueryId for Rowless<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB: Backend, Q: QueryFragment<DB>> QueryFragment<DB> for Rowless<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, backend: &DB) -> QueryResult<bool> {
        self.0.is_safe_to_cache_prepared(backend)
    }
}

impl<Q> Query for Rowless<Q> {
    type SqlType = Untyped;
}
