//! Changes at vendors and the use cases they concern, one statement a function.
use crate::db::schema::{decisions, records, vendor_change_cases as cases_table, vendor_changes};
use crate::db::{At, Conn, PersonId, RecordId, ReviewId, Tx, VendorChangeId};
use crate::error::{Error, Result};
use crate::on_backend;
use crate::register::Record;
use crate::vendor::Area;
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// Rows that one statement writes, or records that one asks for.
const AT_ONCE: usize = 200;
/// Outcomes by which somebody answers for what was approved.
const APPROVING: [&str; 2] = ["approve", "approve_with_conditions"];

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Somebody reported it; a keeper of vendors has not said whether it counts.
    Reported,
    /// It counts, and is not dealt with.
    Open,
    /// A keeper said that it does not count.
    Dismissed,
    /// It is dealt with.
    Closed,
}

impl State {
    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Reported => "reported",
            State::Open => "open",
            State::Dismissed => "dismissed",
            State::Closed => "closed",
        }
    }

    /// The state by its word.
    pub fn named(word: &str) -> Option<State> {
        [
            State::Reported,
            State::Open,
            State::Dismissed,
            State::Closed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

/// A change at a vendor. What changed, in words, lies beside the entry of its report.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = vendor_changes)]
pub struct Change {
    /// Identifier.
    pub id: VendorChangeId,
    /// The vendor's record.
    pub vendor_id: RecordId,
    /// A word of [`Area`].
    #[diesel(column_name = area)]
    pub area_word: String,
    /// The day from which it holds, where that is known.
    pub effective_on: Option<String>,
    /// A word of [`State`].
    #[diesel(column_name = state)]
    pub state_word: String,
    /// Who reported it; the vendor itself when nobody of ours did.
    pub reported_by: Option<PersonId>,
    /// Number of the entry of the report.
    pub reported_seq: i64,
    /// When.
    pub reported_at: At,
    /// Who confirmed or dismissed it.
    pub decided_by: Option<PersonId>,
    /// Number of that entry.
    pub decided_seq: Option<i64>,
    /// When.
    pub decided_at: Option<At>,
    /// Who closed it; nobody when its reviews did.
    pub closed_by: Option<PersonId>,
    /// Number of that entry.
    pub closed_seq: Option<i64>,
    /// When.
    pub closed_at: Option<At>,
}

impl Change {
    /// Where it stands.
    ///
    /// # Errors
    /// When the database holds another word.
    pub fn state(&self) -> Result<State> {
        let odd = || Error::Corrupt(format!("change {} is {}", self.id, self.state_word));
        State::named(&self.state_word).ok_or_else(odd)
    }

    /// What it is about.
    pub fn area(&self) -> Area {
        Area::named(&self.area_word).unwrap_or(Area::Other)
    }
}

/// How far the review of one use case is that a change calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseState {
    /// Nothing is approved that could be reviewed again; its people were told.
    Told,
    /// Its review has not begun.
    Waiting,
    /// Its review runs.
    Open,
    /// Its review ended.
    Ended,
}

impl CaseState {
    /// The word, as stored and as the API says it.
    pub fn as_str(self) -> &'static str {
        match self {
            CaseState::Told => "told",
            CaseState::Waiting => "waiting",
            CaseState::Open => "open",
            CaseState::Ended => "ended",
        }
    }

    fn named(word: &str) -> Option<CaseState> {
        [
            CaseState::Told,
            CaseState::Waiting,
            CaseState::Open,
            CaseState::Ended,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

/// One use case that depended on the vendor when the change was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = cases_table)]
pub struct Case {
    /// The change.
    pub change_id: VendorChangeId,
    /// The use case.
    pub record_id: RecordId,
    /// A word of [`CaseState`].
    #[diesel(column_name = state)]
    pub state_word: String,
    /// The review that deals with it.
    pub review_id: Option<ReviewId>,
    /// How that ended.
    pub outcome: Option<String>,
    /// What keeps it from beginning.
    pub trouble: Option<String>,
}

impl Case {
    /// How far it is.
    ///
    /// # Errors
    /// When the database holds another word.
    pub fn state(&self) -> Result<CaseState> {
        let odd = || Error::Corrupt(format!("a case of change {}", self.change_id));
        CaseState::named(&self.state_word).ok_or_else(odd)
    }
}

/// One change.
///
/// # Errors
/// [`Error::NotFound`].
pub fn change(conn: &mut Conn, id: VendorChangeId) -> Result<Change> {
    vendor_changes::table
        .find(id)
        .select(Change::as_select())
        .get_result(conn)
        .optional()?
        .ok_or_else(|| Error::not_found("change", id))
}

/// The changes at a vendor, the latest first.
///
/// # Errors
/// When the database fails.
pub fn changes(conn: &mut Conn, vendor: RecordId) -> Result<Vec<Change>> {
    Ok(vendor_changes::table
        .filter(vendor_changes::vendor_id.eq(vendor))
        .order(vendor_changes::reported_seq.desc())
        .select(Change::as_select())
        .load(conn)?)
}

/// The use cases of a change, in the order in which they came into the register, from one place on.
///
/// # Errors
/// When the database fails.
pub fn cases(
    conn: &mut Conn,
    change: VendorChangeId,
    from: i64,
    limit: i64,
) -> Result<Vec<(Case, Record)>> {
    Ok(cases_table::table
        .inner_join(records::table)
        .filter(cases_table::change_id.eq(change))
        .order(records::nr)
        .offset(from)
        .limit(limit)
        .select((Case::as_select(), Record::as_select()))
        .load(conn)?)
}

/// How many use cases of a change are in each state, and whether something keeps them there.
pub(super) fn counts(conn: &mut Conn, change: VendorChangeId) -> Result<Vec<(String, bool, i64)>> {
    let troubled = cases_table::trouble.is_not_null();
    let mut all = Vec::new();
    for held in [true, false] {
        let rows: Vec<(String, i64)> = cases_table::table
            .filter(cases_table::change_id.eq(change))
            .filter(troubled.eq(held))
            .group_by(cases_table::state)
            .select((cases_table::state, diesel::dsl::count_star()))
            .load(conn)?;
        all.extend(rows.into_iter().map(|(state, n)| (state, held, n)));
    }
    Ok(all)
}

/// A change that counts and is not dealt with, with its vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChange {
    /// The change.
    pub id: VendorChangeId,
    /// What it is about.
    pub area: Area,
    /// Since when it counts.
    pub since: At,
    /// Its vendor.
    pub vendor: RecordId,
    /// The vendor's reference.
    pub reference: String,
    /// The vendor's name.
    pub title: String,
}

impl OpenChange {
    /// Where its page is, below the base path.
    pub fn path(&self) -> String {
        format!("/vendors/{}/changes/{}", self.reference, self.id)
    }
}

macro_rules! open {
    ($rows:expr, $conn:expr) => {{
        let rows: Vec<(Change, RecordId, String, String)> = $rows
            .filter(vendor_changes::state.eq("open"))
            .order(vendor_changes::reported_seq)
            .select((
                Change::as_select(),
                records::id,
                records::reference,
                records::title,
            ))
            .load($conn)?;
        rows.into_iter().map(opened).collect::<Vec<OpenChange>>()
    }};
}

fn opened((change, vendor, reference, title): (Change, RecordId, String, String)) -> OpenChange {
    OpenChange {
        id: change.id,
        area: change.area(),
        since: change.decided_at.unwrap_or(change.reported_at),
        vendor,
        reference,
        title,
    }
}

/// Every change that counts and is not dealt with.
///
/// # Errors
/// When the database fails.
pub fn open_changes(conn: &mut Conn) -> Result<Vec<OpenChange>> {
    let rows = vendor_changes::table
        .inner_join(records::table.on(records::id.eq(vendor_changes::vendor_id)));
    Ok(open!(rows, conn))
}

/// The changes that call for a review of these use cases which is not decided, or that their people
/// were told of.
///
/// # Errors
/// When the database fails.
pub fn under_change(
    conn: &mut Conn,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Vec<(OpenChange, CaseState)>>> {
    let open = open_changes(conn)?;
    let mut all: HashMap<RecordId, Vec<(OpenChange, CaseState)>> = HashMap::new();
    if open.is_empty() {
        return Ok(all);
    }
    for ids in ids.chunks(AT_ONCE) {
        let rows: Vec<Case> = cases_table::table
            .filter(cases_table::record_id.eq_any(ids))
            .filter(cases_table::state.ne("ended"))
            .order((cases_table::record_id, cases_table::change_id))
            .select(Case::as_select())
            .load(conn)?;
        for case in rows {
            if let Some(change) = open.iter().find(|change| change.id == case.change_id) {
                let entry = all.entry(case.record_id).or_default();
                entry.push((change.clone(), case.state()?));
            }
        }
    }
    Ok(all)
}

/// What stands for the use cases of a change, in its entry: however many, none can go unseen.
pub fn case_digest(ids: impl IntoIterator<Item = RecordId>) -> String {
    let sorted: BTreeSet<String> = ids.into_iter().map(|id| id.to_string()).collect();
    let mut hash = Sha256::new();
    for id in sorted {
        hash.update(id.as_bytes());
        hash.update([b'\n']);
    }
    hex::encode(hash.finalize())
}

pub(super) fn insert(tx: &mut Tx, change: &Change) -> Result<()> {
    diesel::insert_into(vendor_changes::table)
        .values((
            vendor_changes::id.eq(change.id),
            vendor_changes::vendor_id.eq(change.vendor_id),
            vendor_changes::area.eq(&change.area_word),
            vendor_changes::effective_on.eq(&change.effective_on),
            vendor_changes::state.eq(&change.state_word),
            vendor_changes::reported_by.eq(change.reported_by),
            vendor_changes::reported_seq.eq(change.reported_seq),
            vendor_changes::reported_at.eq(change.reported_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn set_decided(
    tx: &mut Tx,
    id: VendorChangeId,
    state: State,
    by: Option<PersonId>,
    seq: u64,
    now: At,
) -> Result<()> {
    diesel::update(vendor_changes::table.find(id))
        .set((
            vendor_changes::state.eq(state.as_str()),
            vendor_changes::decided_by.eq(by),
            vendor_changes::decided_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
            vendor_changes::decided_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn set_closed(
    tx: &mut Tx,
    id: VendorChangeId,
    by: Option<PersonId>,
    seq: u64,
    now: At,
) -> Result<()> {
    diesel::update(vendor_changes::table.find(id))
        .set((
            vendor_changes::state.eq(State::Closed.as_str()),
            vendor_changes::closed_by.eq(by),
            vendor_changes::closed_seq.eq(i64::try_from(seq).unwrap_or(i64::MAX)),
            vendor_changes::closed_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn insert_cases(
    tx: &mut Tx,
    change: VendorChangeId,
    all: &[(RecordId, CaseState)],
) -> Result<()> {
    for some in all.chunks(AT_ONCE) {
        let rows: Vec<_> = some
            .iter()
            .map(|(record, state)| {
                (
                    cases_table::change_id.eq(change),
                    cases_table::record_id.eq(*record),
                    cases_table::state.eq(state.as_str()),
                )
            })
            .collect();
        on_backend!(&mut **tx, c => diesel::insert_into(cases_table::table)
            .values(&rows)
            .execute(c))?;
    }
    Ok(())
}

/// One use case of a change.
pub(super) fn case(
    conn: &mut Conn,
    change: VendorChangeId,
    record: RecordId,
) -> Result<Option<Case>> {
    Ok(cases_table::table
        .find((change, record))
        .select(Case::as_select())
        .get_result(conn)
        .optional()?)
}

/// The use cases whose review has not begun, of changes that count: those that nothing is known to
/// keep from it, or all.
pub(super) fn waiting(
    conn: &mut Conn,
    troubled_too: bool,
    limit: i64,
) -> Result<Vec<(VendorChangeId, RecordId)>> {
    let mut rows = cases_table::table
        .inner_join(vendor_changes::table)
        .filter(cases_table::state.eq("waiting"))
        .filter(vendor_changes::state.eq("open"))
        .order((cases_table::change_id, cases_table::record_id))
        .limit(limit)
        .select((cases_table::change_id, cases_table::record_id))
        .into_boxed();
    if !troubled_too {
        rows = rows.filter(cases_table::trouble.is_null());
    }
    Ok(rows.load(conn)?)
}

pub(super) fn set_case(
    tx: &mut Tx,
    change: VendorChangeId,
    record: RecordId,
    state: CaseState,
    review: Option<ReviewId>,
    outcome: Option<&str>,
) -> Result<()> {
    diesel::update(cases_table::table.find((change, record)))
        .set((
            cases_table::state.eq(state.as_str()),
            cases_table::review_id.eq(review),
            cases_table::outcome.eq(outcome),
            cases_table::trouble.eq(None::<String>),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

pub(super) fn set_trouble(
    tx: &mut Tx,
    change: VendorChangeId,
    record: RecordId,
    trouble: &str,
) -> Result<()> {
    let waiting = CaseState::Waiting.as_str();
    diesel::update(cases_table::table.find((change, record)))
        .filter(cases_table::state.eq(waiting))
        .set(cases_table::trouble.eq(trouble))
        .execute(&mut **tx)?;
    Ok(())
}

/// The changes that count for a record and whose review of it is not decided.
pub(super) fn changes_at(conn: &mut Conn, record: RecordId) -> Result<BTreeSet<VendorChangeId>> {
    let ids: Vec<VendorChangeId> = cases_table::table
        .inner_join(vendor_changes::table)
        .filter(cases_table::record_id.eq(record))
        .filter(cases_table::state.ne("ended"))
        .filter(vendor_changes::state.eq("open"))
        .select(cases_table::change_id)
        .load(conn)?;
    Ok(ids.into_iter().collect())
}

/// The changes that a running review deals with.
pub(super) fn of_review(conn: &mut Conn, review: ReviewId) -> Result<Vec<VendorChangeId>> {
    Ok(cases_table::table
        .filter(cases_table::review_id.eq(review))
        .filter(cases_table::state.eq("open"))
        .order(cases_table::change_id)
        .select(cases_table::change_id)
        .load(conn)?)
}

/// A use case with its owner and its submitter.
pub(super) type Part = (RecordId, Option<PersonId>, Option<PersonId>);

/// The use cases of a change with their owners and submitters.
pub(super) fn parts(conn: &mut Conn, change: VendorChangeId) -> Result<Vec<Part>> {
    Ok(cases_table::table
        .inner_join(records::table)
        .filter(cases_table::change_id.eq(change))
        .order(records::nr)
        .select((records::id, records::owner_id, records::submitter_id))
        .load(conn)?)
}

/// Who approved something of the use cases of a change before it counted.
pub(super) fn approvers(
    conn: &mut Conn,
    change: VendorChangeId,
    before: At,
) -> Result<BTreeSet<(RecordId, PersonId)>> {
    let rows: Vec<(RecordId, PersonId)> = cases_table::table
        .inner_join(records::table)
        .inner_join(decisions::table.on(decisions::record_id.eq(records::id)))
        .filter(cases_table::change_id.eq(change))
        .filter(decisions::outcome.eq_any(APPROVING))
        .filter(decisions::decided_at.le(before))
        .select((records::id, decisions::person_id))
        .load(conn)?;
    Ok(rows.into_iter().collect())
}

/// Who approved what is approved now of the use cases of a change, or what is under review.
pub(super) fn present_approvers(
    conn: &mut Conn,
    change: VendorChangeId,
) -> Result<BTreeSet<PersonId>> {
    let counts = decisions::review_id
        .nullable()
        .eq(records::approval_id)
        .or(decisions::review_id.nullable().eq(records::review_id));
    let rows: Vec<PersonId> = cases_table::table
        .inner_join(records::table)
        .inner_join(decisions::table.on(decisions::record_id.eq(records::id)))
        .filter(cases_table::change_id.eq(change))
        .filter(decisions::outcome.eq_any(APPROVING))
        .filter(counts.assume_not_null())
        .select(decisions::person_id)
        .distinct()
        .load(conn)?;
    Ok(rows.into_iter().collect())
}
