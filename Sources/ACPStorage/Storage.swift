// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// A storage for runs, their events, and sessions.
///
/// Backends differ in their ``capabilities``: whether they are durable, whether several processes can share them, and
/// whether runs expire. All other guarantees are the same for all backends, and the suite in `ACPStorageTesting` checks
/// them:
///
/// - **Events are an append-only list.** Appending costs the same at the first and at the hundred-thousandth event; no
///   commit rewrites stored events.
/// - **Commits are atomic, fenced and idempotent.** See ``commit(_:)``.
/// - **A run is a snapshot and the events after it.** See ``RunRecord``.
/// - **Documents are bytes.** Runs, events, inputs, history entries, metadata and signals are passed as the bytes of
///   JSON, and are returned byte for byte. A storage need not decode any of them: everything that it requires is passed
///   beside the bytes. The methods that take and return values are extensions for callers.
/// - **A session's history is append-only**, one block per run, each block once.
/// - **A content lives as long as the run or the session that it belongs to.** See ``StoredContent``.
///
/// All methods throw ``StorageError``. They may be called from any task at any time.
///
/// To write a backend of your own, implement the methods of this protocol. If the backend serves one process, use
/// ``LocalCoordination`` as its ``coordination``.
public protocol Storage: Sendable {
    /// The guarantees in which this backend differs from others.
    var capabilities: StorageCapabilities { get }

    /// Heartbeats, signals, queues and notifications for the processes that use this storage.
    var coordination: any Coordination { get }

    // MARK: Runs

    /// Appends events to a run, stores their contents and, if given, replaces the run's snapshot and appends a block to
    /// the history of a session, in one atomic step.
    ///
    /// The first commit of a run creates it: it expects 0 events and has a snapshot. Later commits must come from the
    /// run's owner. A commit wakes the watchers of the run (``Coordination/changes(of:)``).
    ///
    /// Repeating a commit whose reply was lost succeeds and changes nothing: the storage finds that the events of the
    /// commit are stored already.
    ///
    /// A commit that is refused leaves nothing in the session's history either. A block whose key is stored already is
    /// skipped, as by ``append(_:to:)-([HistoryBlock],_)``, and the rest of the commit is stored. A storage that cannot
    /// write a run and a session in one step first checks whether the run can be written, then appends the block, and
    /// then commits: repeating the commit completes what was interrupted in between.
    ///
    /// A commit whose snapshot is completed or failed is refused once a cancel signal is stored for the run, because
    /// the storage has confirmed the signal to its sender. The check and the write are one atomic step, so that of an
    /// end and a cancel signal at the same moment one takes effect. Repeating a commit that is stored already always
    /// succeeds.
    ///
    /// In the same way, a commit that fails the run for want of an answer (``RunCommit/unansweredQuestion``) is refused
    /// once an answer to the question is stored.
    ///
    /// - Throws: ``StorageError`` with code
    ///   - `fenced` if the run belongs to another owner now,
    ///   - `cancelled` if the commit ends the run as completed or failed, and a cancel signal is stored,
    ///   - `answered` if the commit fails the run for want of an answer, and an answer is stored,
    ///   - `conflict` if the number of events is neither the expected one nor the one after this commit,
    ///   - `notFound` if events are expected, but there is no such run (it expired or was deleted),
    ///   - `deleted` if it would create a run that was deleted for good (``deleteRun(_:forGood:)``),
    ///   - `incomplete` if part of the run is missing, as far as the storage can detect it,
    ///   - `full` if there is no room for the commit. Nothing of it is stored then.
    func commit(_ commit: RunCommit) async throws

    /// Returns a run with everything that is required to continue it, or `nil` if there is no such run. ``record(of:)``
    /// decodes it.
    func storedRun(_ run: RunID) async throws -> StoredRun?

    /// Returns the input of a run, or `nil` if there is no such run or it has no input. ``input(of:)`` decodes it.
    func storedInput(of run: RunID) async throws -> Encoded<[Message]>?

    /// Saves a run, for programs that use the storage without an engine.
    ///
    /// The run becomes the snapshot that covers all stored events. Its owner is neither checked nor changed.
    ///
    /// - Parameters:
    ///   - run: The run, for the properties that listings use.
    ///   - json: The JSON of the run, which is stored. ``save(_:)-(Run)`` creates it.
    func save(_ run: Run, json: [UInt8]) async throws

    /// Appends an event to a run, for programs that use the storage without an engine. The run's owner is not checked.
    ///
    /// Listings by status use the last snapshot that was saved or committed: when an event changes the run's status,
    /// save the run as well.
    ///
    /// - Throws: ``StorageError`` with code `notFound` if there is no such run.
    func append(_ event: EncodedEvent, to run: RunID) async throws

    /// Deletes a run with its events, its input, its contents, its signals and its entries in all listings.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - forGood: Whether commits that would create the run again are refused with code `deleted`, for at least
    ///     ``RunCommit/deletionPeriod`` from now on. The first commit of a run may be repeated long after the run was
    ///     stored, and even deleted, by a process that has not received the reply. If `false`, a commit may create a run
    ///     with the same id at once. ``save(_:json:)`` always may. Has no effect if the run does not exist.
    /// - Returns: Whether the run existed.
    @discardableResult
    func deleteRun(_ run: RunID, forGood: Bool) async throws -> Bool

    /// Returns one page of runs, newest first, and the total number of runs. ``runs(_:)-(RunQuery)`` decodes them.
    func storedRuns(_ query: RunQuery) async throws -> StoragePage<StoredRun>

    /// Returns one page of an agent's runs in the order in which their status changed, the last change first, and the
    /// total number of the runs that the query selects. ``runs(_:)-(RunStatusQuery)`` decodes them.
    func storedRuns(_ query: RunStatusQuery) async throws -> StoragePage<StoredRun>

    // MARK: Events

    /// Returns the events of a run from an index onward, oldest first. Returns an empty array if there are none, or no
    /// such run.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - offset: The index of the first event. A negative offset means 0, as in all methods that return pages.
    ///   - limit: The maximum number of events. If `nil`, all events are returned. A negative limit means 0.
    func events(of run: RunID, from offset: Int, limit: Int?) async throws -> [EncodedEvent]

    /// Returns the number of events of a run, or 0 if there is no such run.
    func eventCount(of run: RunID) async throws -> Int

    // MARK: Owners

    /// Makes a process the owner of a run, if the run still has the owner that the caller expects.
    ///
    /// The operation is atomic: of several concurrent claims, one succeeds.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - owner: The new owner, with a new token.
    ///   - current: The expected owner. If `nil`, the run is expected to have no owner.
    /// - Returns: Whether the claim succeeded.
    func claim(_ run: RunID, for owner: RunOwner, from current: RunOwner?) async throws -> Bool

    /// Returns the unfinished runs that a process owns, at most `limit` of them.
    func runs(ownedBy process: ProcessID, limit: Int) async throws -> [RunID]

    // MARK: Sessions

    /// Returns a session as it was last saved, or `nil` if it was never saved. ``session(_:)`` decodes it.
    ///
    /// The session's history is stored separately, and may exist without a saved session: see
    /// ``storedHistory(of:from:limit:)``.
    func storedSession(_ id: SessionID) async throws -> StoredSession?

    /// Saves a session's state and metadata.
    ///
    /// - Parameters:
    ///   - session: The session. Its `version` is ignored.
    ///   - version: The version that the stored session must have; 0 if the session must not exist yet. If `nil`, any
    ///     version is replaced.
    /// - Returns: The new version of the session.
    /// - Throws: ``StorageError`` with code `conflict` if the stored session has another version.
    @discardableResult
    func save(_ session: StoredSession, expecting version: Int?) async throws -> Int

    /// Appends blocks to a session's history, in order. Counts as a use of the session.
    ///
    /// A block whose key the history has already is skipped, so that appending can be repeated safely. Each block is
    /// appended as a whole, with its contents.
    func append(_ blocks: [HistoryBlock], to session: SessionID) async throws

    /// Returns one page of a session's history, oldest first, and the total number of entries.
    /// ``history(of:from:limit:)`` decodes them.
    func storedHistory(
        of session: SessionID, from offset: Int, limit: Int?
    ) async throws -> StoragePage<Encoded<HistoryEntry>>

    /// Deletes a session with its history and the contents of the history. The session's runs and their contents
    /// remain.
    ///
    /// - Returns: Whether the session existed.
    @discardableResult
    func deleteSession(_ session: SessionID) async throws -> Bool

    // MARK: Contents

    /// Returns contents that were stored by commits and history blocks. See ``StoredContent`` for how long they live.
    ///
    /// Backends on a network use one round trip, whatever the number of keys.
    ///
    /// - Returns: The bytes in the order of the keys, with `nil` for each content that is not stored.
    func contents(_ keys: [ContentKey]) async throws -> [[UInt8]?]

    // MARK: The storage itself

    /// Checks that the storage is reachable.
    ///
    /// - Returns: The duration of the round trip.
    func ping() async throws -> Duration

    /// Deletes all data of this storage, and nothing else in the same database or directory.
    func removeAll() async throws

    /// Releases connections and files. Subsequent calls throw an error with code `closed`. May be called repeatedly.
    func close() async throws

    /// Returns the name of a document for error messages.
    ///
    /// Defaults to ``StoredDocument/description``. A backend can return the location of the document instead, for
    /// operators.
    func name(of document: StoredDocument) -> String
}

/// The guarantees in which backends differ.
public struct StorageCapabilities: Sendable, Hashable {
    /// Whether data that was acknowledged survives the end and the crash of the process.
    public var isDurable: Bool
    /// Whether several processes can use the same data at the same time.
    public var isShared: Bool
    /// How long a run is kept after its last update, and a session after its last use. If `nil`, they are kept until
    /// they are deleted.
    public var timeToLive: Duration?

    /// Creates a description of a backend's guarantees.
    public init(isDurable: Bool, isShared: Bool, timeToLive: Duration?) {
        self.isDurable = isDurable
        self.isShared = isShared
        self.timeToLive = timeToLive
    }
}
