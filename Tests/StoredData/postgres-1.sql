--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: public; Type: SCHEMA; Schema: -; Owner: -
--

CREATE SCHEMA public;


--
-- Name: SCHEMA public; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON SCHEMA public IS 'standard public schema';


--
-- Name: acp_append_event(text, bytea); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_append_event(p_run text, p_event bytea) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    run_key bigint;
BEGIN
    SELECT key INTO run_key FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    INSERT INTO acp_events (run, position, event)
    SELECT run_key, coalesce(max(position) + 1, 0), p_event FROM acp_events WHERE run = run_key;
    PERFORM acp_notify('c', p_run);
    RETURN true;
END $$;


--
-- Name: acp_append_events(bigint, bigint, bytea[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_append_events(run_key bigint, start bigint, new_events bytea[]) RETURNS void
    LANGUAGE sql
    SET search_path TO '$user', 'public'
    AS $$
    INSERT INTO acp_events (run, position, event)
    SELECT run_key, (start + n - 1)::integer, e FROM unnest(new_events) WITH ORDINALITY AS t (e, n)
$$;


--
-- Name: acp_append_history(text, text[], bigint[], bytea[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_append_history(p_session text, p_keys text[], p_sizes bigint[], p_entries bytea[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    s record;
    start bigint := 0;
BEGIN
    -- Nothing to append makes no session.
    IF cardinality(p_keys) = 0 THEN
        UPDATE acp_sessions SET used_at = clock_timestamp() WHERE id = p_session;
        RETURN;
    END IF;
    INSERT INTO acp_sessions AS t (id, used_at) VALUES (p_session, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at
    RETURNING t.key, t.history_count INTO s;
    FOR number IN 1 .. cardinality(p_keys) LOOP
        INSERT INTO acp_history_blocks (session, key) VALUES (s.key, p_keys[number]) ON CONFLICT DO NOTHING;
        IF FOUND THEN
            INSERT INTO acp_history (session, position, entry)
            SELECT s.key, s.history_count + n - 1, e
            FROM unnest(p_entries[start + 1 : start + p_sizes[number]]) WITH ORDINALITY AS t (e, n);
            s.history_count := s.history_count + p_sizes[number];
        END IF;
        start := start + p_sizes[number];
    END LOOP;
    UPDATE acp_sessions SET history_count = s.history_count
    WHERE key = s.key AND history_count <> s.history_count;
END $$;


--
-- Name: acp_append_history_with_contents(text, text[], bigint[], bytea[], text[], bytea[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_append_history_with_contents(p_session text, p_keys text[], p_sizes bigint[], p_entries bytea[], p_digests text[], p_contents bytea[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    PERFORM acp_append_history(p_session, p_keys, p_sizes, p_entries);
    INSERT INTO acp_session_contents (session, digest, content)
    SELECT s.key, t.d, t.b FROM acp_sessions AS s, unnest(p_digests, p_contents) AS t (d, b) WHERE s.id = p_session
    ON CONFLICT DO NOTHING;
END $$;


--
-- Name: acp_commit(text, bigint, bytea[], text, text, bytea, bigint, text, text, text, timestamp with time zone, boolean, bytea); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_commit(p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text, p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamp with time zone, p_ended boolean, p_input bytea, OUT outcome text, OUT event_count bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    r record;
    total bigint := p_expecting + cardinality(p_events);
    fits boolean := p_snapshot IS NULL OR p_covered BETWEEN 0 AND total;
BEGIN
    LOOP
        SELECT key, owner_process, owner_token INTO r FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
        EXIT WHEN FOUND;
        event_count := 0;
        outcome := CASE WHEN p_expecting <> 0 OR p_snapshot IS NULL THEN 'missing' WHEN NOT fits THEN 'covered' END;
        IF outcome IS NOT NULL THEN RETURN; END IF;
        INSERT INTO acp_runs (
            id, agent_name, session_id, status, created_at, ended_at, owner_process, owner_token,
            covered_events, snapshot, input
        ) VALUES (
            p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
            p_process, p_token, p_covered, p_snapshot, p_input
        ) ON CONFLICT (id) DO NOTHING RETURNING key INTO r;
        IF FOUND THEN
            PERFORM acp_append_events(r.key, 0, p_events);
            outcome := 'done';
            RETURN;
        END IF;
        -- Somebody else made it at the same moment: look again.
    END LOOP;
    IF r.owner_process IS DISTINCT FROM p_process OR r.owner_token IS DISTINCT FROM p_token THEN
        outcome := 'fenced';
        RETURN;
    END IF;
    SELECT coalesce(max(position) + 1, 0) INTO event_count FROM acp_events WHERE run = r.key;
    outcome := CASE
        WHEN event_count = total AND event_count <> p_expecting THEN 'done'
        WHEN event_count <> p_expecting THEN 'conflict'
        WHEN NOT fits THEN 'covered'
    END;
    IF outcome IS NOT NULL THEN RETURN; END IF;
    PERFORM acp_append_events(r.key, p_expecting, p_events);
    IF p_snapshot IS NOT NULL THEN
        UPDATE acp_runs SET
            agent_name = p_agent, session_id = p_session, status = p_status, created_at = p_created,
            ended_at = CASE WHEN p_ended THEN coalesce(ended_at, clock_timestamp()) END,
            covered_events = p_covered, snapshot = p_snapshot
        WHERE key = r.key;
    END IF;
    outcome := 'done';
END $$;


--
-- Name: acp_commit_end(text, bigint, bytea[], text, text, bytea, bigint, text, text, text, timestamp with time zone, boolean, bytea, text[], bytea[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_commit_end(p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text, p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamp with time zone, p_ended boolean, p_input bytea, p_digests text[], p_contents bytea[], OUT outcome text, OUT event_count bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    run_key bigint;
    c record;
BEGIN
    SELECT key INTO run_key FROM acp_runs
    WHERE id = p_run AND owner_process = p_process AND owner_token = p_token FOR NO KEY UPDATE;
    IF FOUND AND EXISTS (SELECT FROM acp_signals WHERE run = run_key AND key = 'cancel') THEN
        SELECT coalesce(max(position) + 1, 0) INTO event_count FROM acp_events WHERE run = run_key;
        IF event_count = p_expecting THEN
            outcome := 'cancelled';
            RETURN;
        END IF;
    END IF;
    IF cardinality(p_digests) > 0 THEN
        SELECT * INTO c FROM acp_commit_with_contents(
            p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
            p_created, p_ended, p_input, p_digests, p_contents);
    ELSE
        SELECT * INTO c FROM acp_commit(
            p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
            p_created, p_ended, p_input);
    END IF;
    outcome := c.outcome;
    event_count := c.event_count;
END $$;


--
-- Name: acp_commit_with_contents(text, bigint, bytea[], text, text, bytea, bigint, text, text, text, timestamp with time zone, boolean, bytea, text[], bytea[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_commit_with_contents(p_run text, p_expecting bigint, p_events bytea[], p_process text, p_token text, p_snapshot bytea, p_covered bigint, p_agent text, p_session text, p_status text, p_created timestamp with time zone, p_ended boolean, p_input bytea, p_digests text[], p_contents bytea[], OUT outcome text, OUT event_count bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    c record;
BEGIN
    SELECT * INTO c FROM acp_commit(
        p_run, p_expecting, p_events, p_process, p_token, p_snapshot, p_covered, p_agent, p_session, p_status,
        p_created, p_ended, p_input);
    outcome := c.outcome;
    event_count := c.event_count;
    IF outcome = 'done' THEN
        INSERT INTO acp_run_contents (run, digest, content)
        SELECT r.key, t.d, t.b FROM acp_runs AS r, unnest(p_digests, p_contents) AS t (d, b) WHERE r.id = p_run
        ON CONFLICT DO NOTHING;
    END IF;
END $$;


--
-- Name: acp_count_run(text, integer, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_count_run(name text, change integer, all_too boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE part integer := pg_backend_pid() % 16;
BEGIN
    IF all_too THEN
        INSERT INTO acp_run_counts AS c VALUES ('all', '', part, change)
        ON CONFLICT ON CONSTRAINT acp_run_counts_pkey DO UPDATE SET runs = c.runs + change;
    END IF;
    INSERT INTO acp_run_counts AS c VALUES ('agent', name, part, change)
    ON CONFLICT ON CONSTRAINT acp_run_counts_pkey DO UPDATE SET runs = c.runs + change;
END $$;


--
-- Name: acp_count_runs(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_count_runs() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN PERFORM acp_count_run(OLD.agent_name, -1, TG_OP = 'DELETE'); END IF;
    IF TG_OP <> 'DELETE' THEN PERFORM acp_count_run(NEW.agent_name, 1, TG_OP = 'INSERT'); END IF;
    RETURN NULL;
END $$;


--
-- Name: acp_dequeue(text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_dequeue(p_session text, p_run text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_session, 'acp_turns'::regclass::oid::bigint));
    DELETE FROM acp_turns WHERE session = p_session AND run = p_run;
    RETURN (SELECT run FROM acp_turns WHERE session = p_session ORDER BY position LIMIT 1);
END $$;


--
-- Name: acp_enqueue(text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_enqueue(p_session text, p_run text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_session, 'acp_turns'::regclass::oid::bigint));
    INSERT INTO acp_turns (session, position, run)
    SELECT p_session, coalesce(max(position) + 1, 0), p_run FROM acp_turns WHERE session = p_session
    ON CONFLICT (session, run) DO NOTHING;
    RETURN (SELECT run FROM acp_turns WHERE session = p_session ORDER BY position LIMIT 1);
END $$;


--
-- Name: acp_jsonb(bytea); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_jsonb(document bytea) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$
BEGIN
    RETURN convert_from(document, 'UTF8')::jsonb;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;


--
-- Name: acp_leave(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_leave(p_process text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    INSERT INTO acp_processes (id, expires_at) VALUES (p_process, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at;
    PERFORM acp_notify('d', CASE WHEN octet_length(p_process) < 4000 THEN p_process ELSE '' END);
END $$;


--
-- Name: acp_notify(text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_notify(kind text, payload text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
BEGIN
    -- The number of the table tells storages in several schemas of a database apart.
    PERFORM pg_notify('acp_' || 'acp_runs'::regclass::oid::text, kind || payload);
END $$;


--
-- Name: acp_save_run(text, bytea, text, text, text, timestamp with time zone, boolean); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_save_run(p_run text, p_snapshot bytea, p_agent text, p_session text, p_status text, p_created timestamp with time zone, p_ended boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    run_key bigint;
BEGIN
    LOOP
        SELECT key INTO run_key FROM acp_runs WHERE id = p_run FOR NO KEY UPDATE;
        IF FOUND THEN
            UPDATE acp_runs SET
                agent_name = p_agent, session_id = p_session, status = p_status, created_at = p_created,
                ended_at = CASE WHEN p_ended THEN coalesce(ended_at, clock_timestamp()) END,
                snapshot = p_snapshot,
                covered_events = (SELECT coalesce(max(position) + 1, 0) FROM acp_events WHERE run = run_key)
            WHERE key = run_key;
            EXIT;
        END IF;
        INSERT INTO acp_runs (
            id, agent_name, session_id, status, created_at, ended_at, covered_events, snapshot
        ) VALUES (
            p_run, p_agent, p_session, p_status, p_created, CASE WHEN p_ended THEN clock_timestamp() END,
            0, p_snapshot
        ) ON CONFLICT (id) DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
    PERFORM acp_notify('c', p_run);
END $$;


--
-- Name: acp_save_session(text, bigint, bytea, text, bytea); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_save_session(p_session text, p_expecting bigint, p_metadata bytea, p_content_type text, p_state bytea, OUT is_saved boolean, OUT new_version bigint) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    s record;
BEGIN
    LOOP
        SELECT key, coalesce(version, 0) AS version INTO s FROM acp_sessions WHERE id = p_session FOR NO KEY UPDATE;
        new_version := CASE WHEN FOUND THEN s.version ELSE 0 END;
        is_saved := p_expecting IS NULL OR p_expecting = new_version;
        IF NOT is_saved THEN RETURN; END IF;
        IF s.key IS NOT NULL THEN
            new_version := new_version + 1;
            UPDATE acp_sessions SET
                used_at = clock_timestamp(), version = new_version, metadata = p_metadata,
                state_content_type = p_content_type, state = p_state
            WHERE key = s.key;
            RETURN;
        END IF;
        INSERT INTO acp_sessions (id, used_at, version, metadata, state_content_type, state)
        VALUES (p_session, clock_timestamp(), 1, p_metadata, p_content_type, p_state)
        ON CONFLICT (id) DO NOTHING;
        IF FOUND THEN
            new_version := 1;
            RETURN;
        END IF;
    END LOOP;
END $$;


--
-- Name: acp_send(text, text, bytea); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.acp_send(p_run text, p_key text, p_signal bytea) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO '$user', 'public'
    AS $$
DECLARE
    r record;
    is_new boolean;
    owner text;
BEGIN
    SELECT key, owner_process INTO r FROM acp_runs WHERE id = p_run FOR SHARE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    INSERT INTO acp_signals (run, key, signal) VALUES (r.key, p_key, p_signal) ON CONFLICT DO NOTHING;
    is_new := FOUND;
    -- The lock keeps claims off: who claims the run later finds the signal. A name that is too long for a notification wakes all.
    owner := CASE WHEN octet_length(r.owner_process) < 4000 THEN r.owner_process ELSE '' END;
    PERFORM acp_notify('s', p_run || ' ' || coalesce(owner, ''));
    RETURN is_new;
END $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: acp_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_events (
    run bigint NOT NULL,
    "position" integer NOT NULL,
    event bytea NOT NULL
);


--
-- Name: acp_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_history (
    session bigint NOT NULL,
    "position" integer NOT NULL,
    entry bytea NOT NULL
);


--
-- Name: acp_history_blocks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_history_blocks (
    session bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C"
);


--
-- Name: acp_processes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_processes (
    id text NOT NULL COLLATE pg_catalog."C",
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: acp_run_contents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_run_contents (
    run bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    content bytea NOT NULL
);


--
-- Name: acp_run_counts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_run_counts (
    listing text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    part integer NOT NULL,
    runs bigint NOT NULL
)
WITH (fillfactor='50');


--
-- Name: acp_runs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_runs (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    agent_name text NOT NULL COLLATE pg_catalog."C",
    session_id text COLLATE pg_catalog."C",
    status text NOT NULL COLLATE pg_catalog."C",
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    owner_process text COLLATE pg_catalog."C",
    owner_token text COLLATE pg_catalog."C",
    covered_events integer NOT NULL,
    snapshot bytea NOT NULL,
    document jsonb GENERATED ALWAYS AS (public.acp_jsonb(snapshot)) STORED,
    input bytea
)
WITH (fillfactor='80');


--
-- Name: acp_runs_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.acp_runs ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.acp_runs_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: acp_schema; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_schema (
    version integer NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: acp_session_contents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_session_contents (
    session bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    content bytea NOT NULL
);


--
-- Name: acp_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_sessions (
    key bigint NOT NULL,
    id text NOT NULL COLLATE pg_catalog."C",
    used_at timestamp with time zone NOT NULL,
    history_count integer DEFAULT 0 NOT NULL,
    version bigint,
    metadata bytea,
    document jsonb GENERATED ALWAYS AS (public.acp_jsonb(metadata)) STORED,
    state_content_type text COLLATE pg_catalog."C",
    state bytea
);


--
-- Name: acp_sessions_key_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.acp_sessions ALTER COLUMN key ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.acp_sessions_key_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: acp_signals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_signals (
    run bigint NOT NULL,
    key text NOT NULL COLLATE pg_catalog."C",
    signal bytea NOT NULL
);


--
-- Name: acp_turns; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.acp_turns (
    session text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    run text NOT NULL COLLATE pg_catalog."C"
);


--
-- Data for Name: acp_events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_events (run, "position", event) FROM stdin;
2	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303031222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2274616c6b222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34312e3132333435365a227d7d
2	1	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303031222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2274616c6b222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34312e3132333435365a227d7d
2	2	\\x7b2274797065223a226d6573736167652e63726561746564222c226d657373616765223a7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c22636f6d706c657465645f6174223a6e756c6c7d7d
2	3	\\x7b2274797065223a226d6573736167652e70617274222c2270617274223a7b226e616d65223a22636861707465722d31222c22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a623631353638666639363061633261373135613662343161613062383562313237306335343064623036666537656337386231663932623464393734626338323a363030222c226d65746164617461223a7b226b696e64223a226369746174696f6e222c2273746172745f696e646578223a312c22656e645f696e646578223a322c2275726c223a2268747470733a2f2f6578616d706c652e636f6d2f222c227469746c65223a22426f6f6b227d7d7d
2	4	\\x7b2274797065223a226d6573736167652e70617274222c2270617274223a7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a6f776e3a6d696e65227d7d
2	5	\\x7b2274797065223a226d6573736167652e636f6d706c65746564222c226d657373616765223a7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b7b226e616d65223a22636861707465722d31222c22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a623631353638666639363061633261373135613662343161613062383562313237306335343064623036666537656337386231663932623464393734626338323a363030222c226d65746164617461223a7b226b696e64223a226369746174696f6e222c2273746172745f696e646578223a312c22656e645f696e646578223a322c2275726c223a2268747470733a2f2f6578616d706c652e636f6d2f222c227469746c65223a22426f6f6b227d7d2c7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a6f776e3a6d696e65227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d7d
2	6	\\x7b2274797065223a2272756e2e636f6d706c65746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303031222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2274616c6b222c22737461747573223a22636f6d706c65746564222c226f7574707574223a5b7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b7b226e616d65223a22636861707465722d31222c22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a623631353638666639363061633261373135613662343161613062383562313237306335343064623036666537656337386231663932623464393734626338323a363030222c226d65746164617461223a7b226b696e64223a226369746174696f6e222c2273746172745f696e646578223a312c22656e645f696e646578223a322c2275726c223a2268747470733a2f2f6578616d706c652e636f6d2f222c227469746c65223a22426f6f6b227d7d2c7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a6f776e3a6d696e65227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34312e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a227d7d
3	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303032222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a227d7d
3	1	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303032222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a227d7d
3	2	\\x7b2274797065223a2267656e65726963222c2267656e65726963223a7b2270726f6772657373223a302e357d7d
3	3	\\x7b2274797065223a226572726f72222c226572726f72223a7b22636f6465223a22696e76616c69645f696e707574222c226d657373616765223a2261207761726e696e67227d7d
3	4	\\x7b2274797065223a2272756e2e6661696c6564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303032222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a226661696c6564222c226f7574707574223a5b5d2c226572726f72223a7b22636f6465223a227365727665725f6572726f72222c226d657373616765223a227468652070656e2062726f6b65222c2264617461223a7b22696e6b223a307d7d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d7d
4	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303033222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d7d
4	1	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303033222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d7d
4	2	\\x7b2274797065223a2272756e2e63616e63656c6c6564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303033222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263616e63656c6c6564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a34342e3132333435365a227d7d
5	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303034222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2277616974696e67222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34342e3132333435365a227d7d
5	1	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303034222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2277616974696e67222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34342e3132333435365a227d7d
5	2	\\x7b2274797065223a2272756e2e6177616974696e67222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303034222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2277616974696e67222c22737461747573223a226177616974696e67222c2261776169745f72657175657374223a7b2274797065223a226d657373616765222c226d657373616765223a7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a225768696368206f6e653f222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34352e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34352e3132333435365a227d7d2c2261776169745f646561646c696e65223a22323035382d30372d32375431323a35333a32302e3132333435365a222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34342e3132333435365a227d7d
6	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303035222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2277616974696e67222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34352e3132333435365a227d7d
7	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303036222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34362e3132333435365a227d7d
7	1	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303036222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34362e3132333435365a227d7d
7	2	\\x7b2274797065223a226d6573736167652e63726561746564222c226d657373616765223a7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34372e3132333435365a222c22636f6d706c657465645f6174223a6e756c6c7d7d
7	3	\\x7b2274797065223a226d6573736167652e70617274222c2270617274223a7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a224f6e6365222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d7d
7	4	\\x7b2274797065223a226d6573736167652e70617274222c2270617274223a7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a2275706f6e20612074696d65222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d7d
8	0	\\x7b2274797065223a2272756e2e63726561746564222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303037222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34372e3132333435365a227d7d
8	1	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303037222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34372e3132333435365a227d7d
8	2	\\x7b2274797065223a2272756e2e696e2d70726f6772657373222c2272756e223a7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303037222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263616e63656c6c696e67222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34372e3132333435365a227d7d
9	0	\\x7b2274797065223a226d6573736167652e70617274222c2270617274223a7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a2262792068616e64222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d7d
\.


--
-- Data for Name: acp_history; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_history (session, "position", entry) FROM stdin;
1	0	\\x7b226d657373616765223a7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a2254656c6c206d65205c22612073746f72795c2220f09f98805c75303030315c6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d2c7b226e616d65223a226279746573222c22636f6e74656e745f74797065223a226170706c69636174696f6e2f6f637465742d73747265616d222c22636f6e74656e74223a2241514c2f222c22636f6e74656e745f656e636f64696e67223a22626173653634227d2c7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a313564616665633164366132393630656562653637316632633064623730353062353564393964633737396231303061663230333863313135373936396434383a343334227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d7d
1	1	\\x7b226d657373616765223a7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b7b226e616d65223a22636861707465722d31222c22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a623631353638666639363061633261373135613662343161613062383562313237306335343064623036666537656337386231663932623464393734626338323a363030222c226d65746164617461223a7b226b696e64223a226369746174696f6e222c2273746172745f696e646578223a312c22656e645f696e646578223a322c2275726c223a2268747470733a2f2f6578616d706c652e636f6d2f222c227469746c65223a22426f6f6b227d7d2c7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a6f776e3a6d696e65227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d7d
3	0	\\x7b226c696e6b223a2268747470733a2f2f6578616d706c652e636f6d2f73657373696f6e732f6f6c642f303f7369676e61747572653d31227d
3	1	\\x7b226c696e6b223a2268747470733a2f2f6578616d706c652e636f6d2f73657373696f6e732f6f6c642f31227d
\.


--
-- Data for Name: acp_history_blocks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_history_blocks (session, key) FROM stdin;
1	run:00000000-0000-4000-8000-000000000001
3	link:https://example.com/sessions/old/0?signature=1
3	link:https://example.com/sessions/old/1
\.


--
-- Data for Name: acp_processes; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_processes (id, expires_at) FROM stdin;
web-1.4711.9f86d081/50%	2026-11-27 12:12:05.793351+00
\.


--
-- Data for Name: acp_run_contents; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_run_contents (run, digest, content) FROM stdin;
2	15dafec1d6a2960eebe671f2c0db7050b55d99dc779b100af2038c1157969d48	\\x53686520736169643a205c2257686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f205c22
2	b61568ff960ac2a715a6b41aa0b85b1270c540db06fe7ec78b1f92b4d974bc82	\\x416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20
\.


--
-- Data for Name: acp_run_counts; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_run_counts (listing, name, part, runs) FROM stdin;
agent	rehearsal	1	0
agent	storyteller	1	1
all		0	6
agent	storyteller	0	6
all		1	2
agent	archivist	1	1
\.


--
-- Data for Name: acp_runs; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_runs (key, id, agent_name, session_id, status, created_at, ended_at, owner_process, owner_token, covered_events, snapshot, input) FROM stdin;
2	00000000-0000-4000-8000-000000000001	storyteller	talk	completed	2026-11-18 11:06:41.123456+00	2026-11-27 12:12:05.839825+00	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	7	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303031222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2274616c6b222c22737461747573223a22636f6d706c65746564222c226f7574707574223a5b7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b7b226e616d65223a22636861707465722d31222c22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a623631353638666639363061633261373135613662343161613062383562313237306335343064623036666537656337386231663932623464393734626338323a363030222c226d65746164617461223a7b226b696e64223a226369746174696f6e222c2273746172745f696e646578223a312c22656e645f696e646578223a322c2275726c223a2268747470733a2f2f6578616d706c652e636f6d2f222c227469746c65223a22426f6f6b227d7d2c7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a6f776e3a6d696e65227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34312e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a227d	\\x5b7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a2254656c6c206d65205c22612073746f72795c2220f09f98805c75303030315c6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d2c7b226e616d65223a226279746573222c22636f6e74656e745f74797065223a226170706c69636174696f6e2f6f637465742d73747265616d222c22636f6e74656e74223a2241514c2f222c22636f6e74656e745f656e636f64696e67223a22626173653634227d2c7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e745f656e636f64696e67223a22706c61696e222c22636f6e74656e745f75726c223a226163702d636f6e74656e743a313564616665633164366132393630656562653637316632633064623730353062353564393964633737396231303061663230333863313135373936396434383a343334227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d5d
3	00000000-0000-4000-8000-000000000002	storyteller	\N	failed	2026-11-18 11:06:42.123456+00	2026-11-27 12:12:05.865321+00	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	5	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303032222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a226661696c6564222c226f7574707574223a5b5d2c226572726f72223a7b22636f6465223a227365727665725f6572726f72222c226d657373616765223a227468652070656e2062726f6b65222c2264617461223a7b22696e6b223a307d7d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34322e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a227d	\\x5b7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a22476f206f6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d5d
4	00000000-0000-4000-8000-000000000003	storyteller	\N	cancelled	2026-11-18 11:06:43.123456+00	2026-11-27 12:12:05.892501+00	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	3	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303033222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263616e63656c6c6564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34332e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a34342e3132333435365a227d	\N
6	00000000-0000-4000-8000-000000000005	storyteller	waiting	created	2026-11-18 11:06:45.123456+00	\N	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	1	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303035222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2277616974696e67222c22737461747573223a2263726561746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34352e3132333435365a227d	\\x5b7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a22476f206f6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d5d
7	00000000-0000-4000-8000-000000000006	storyteller	\N	in-progress	2026-11-18 11:06:46.123456+00	\N	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	2	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303036222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a22696e2d70726f6772657373222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34362e3132333435365a227d	\\x5b7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a22476f206f6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d5d
8	00000000-0000-4000-8000-000000000007	storyteller	\N	cancelling	2026-11-18 11:06:47.123456+00	\N	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	3	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303037222c226167656e745f6e616d65223a2273746f727974656c6c6572222c22737461747573223a2263616e63656c6c696e67222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34372e3132333435365a227d	\\x5b7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a22476f206f6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d5d
5	00000000-0000-4000-8000-000000000004	storyteller	waiting	awaiting	2026-11-18 11:06:44.123456+00	\N	web-1.4711.9f86d081/50%	6f2d3c52-token/1%	3	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303034222c226167656e745f6e616d65223a2273746f727974656c6c6572222c2273657373696f6e5f6964223a2277616974696e67222c22737461747573223a226177616974696e67222c2261776169745f72657175657374223a7b2274797065223a226d657373616765222c226d657373616765223a7b22726f6c65223a226167656e742f73746f727974656c6c6572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a225768696368206f6e653f222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34352e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34352e3132333435365a227d7d2c2261776169745f646561646c696e65223a22323035382d30372d32375431323a35333a32302e3132333435365a222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34342e3132333435365a227d	\\x5b7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a22476f206f6e222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d5d
9	00000000-0000-4000-8000-000000000009	archivist	\N	completed	2026-11-18 11:06:49.123456+00	2026-11-27 12:12:05.994518+00	\N	\N	0	\\x7b2272756e5f6964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303039222c226167656e745f6e616d65223a22617263686976697374222c22737461747573223a22636f6d706c65746564222c226f7574707574223a5b5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34392e3132333435365a222c2266696e69736865645f6174223a22323032362d31312d31385431313a30363a35302e3132333435365a227d	\N
\.


--
-- Data for Name: acp_schema; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_schema (version, applied_at) FROM stdin;
1	2026-11-27 12:12:05.547823+00
2	2026-11-27 12:12:05.547823+00
3	2026-11-27 12:12:05.547823+00
\.


--
-- Data for Name: acp_session_contents; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_session_contents (session, digest, content) FROM stdin;
1	15dafec1d6a2960eebe671f2c0db7050b55d99dc779b100af2038c1157969d48	\\x53686520736169643a205c2257686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f2057686572653f205c22
1	b61568ff960ac2a715a6b41aa0b85b1270c540db06fe7ec78b1f92b4d974bc82	\\x416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20416c6c2068617070792066616d696c6965732061726520616c696b652e20
\.


--
-- Data for Name: acp_sessions; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_sessions (key, id, used_at, history_count, version, metadata, state_content_type, state) FROM stdin;
1	talk	2026-11-27 12:12:06.013207+00	2	2	\\x7b226f726967696e5f6b6579223a2231782e32792e337a2e3477222c2275736572223a7b226e616d65223a22416e6e61222c2274616773223a5b312c322e352c6e756c6c2c747275655d7d7d	application/json	\\x7b226d6f6f64223a226861707079222c22636f756e74223a332c2274657874223a22e2809ec3a4e2809c5c6e227d
2	waiting	2026-11-27 12:12:06.020849+00	0	1	\\x7b7d	application/octet-stream	\\x00ff01fe22
3	forwarded	2026-11-27 12:12:06.033557+00	2	1	\\x7b22666f727761726465645f7374617465223a2268747470733a2f2f6578616d706c652e636f6d2f73746174653f7369676e61747572653d31222c226b6e6f776e5f7374617465223a2268747470733a2f2f6578616d706c652e636f6d2f7374617465222c226f726967696e5f6b6579223a2235612e36622e37632e3864227d	\N	\N
\.


--
-- Data for Name: acp_signals; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_signals (run, key, signal) FROM stdin;
4	cancel	\\x7b2263616e63656c223a7b7d7d
5	resume:3	\\x7b22726573756d65223a7b225f30223a7b2274797065223a226d657373616765222c226d657373616765223a7b22726f6c65223a2275736572222c227061727473223a5b7b22636f6e74656e745f74797065223a22746578742f706c61696e222c22636f6e74656e74223a22546865206669727374222c22636f6e74656e745f656e636f64696e67223a22706c61696e227d5d2c22637265617465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a222c22636f6d706c657465645f6174223a22323032362d31312d31385431313a30363a34302e3132333435365a227d7d2c226576656e74436f756e74223a337d7d
5	proceed	\\x7b2270726f63656564223a7b7d7d
8	cancel	\\x7b2263616e63656c223a7b7d7d
\.


--
-- Data for Name: acp_turns; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.acp_turns (session, "position", run) FROM stdin;
waiting	0	00000000-0000-4000-8000-000000000004
waiting	1	00000000-0000-4000-8000-000000000005
\.


--
-- Name: acp_runs_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.acp_runs_key_seq', 9, true);


--
-- Name: acp_sessions_key_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.acp_sessions_key_seq', 4, true);


--
-- Name: acp_events acp_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_events
    ADD CONSTRAINT acp_events_pkey PRIMARY KEY (run, "position");


--
-- Name: acp_history_blocks acp_history_blocks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_history_blocks
    ADD CONSTRAINT acp_history_blocks_pkey PRIMARY KEY (session, key);


--
-- Name: acp_history acp_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_history
    ADD CONSTRAINT acp_history_pkey PRIMARY KEY (session, "position");


--
-- Name: acp_processes acp_processes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_processes
    ADD CONSTRAINT acp_processes_pkey PRIMARY KEY (id);


--
-- Name: acp_run_contents acp_run_contents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_run_contents
    ADD CONSTRAINT acp_run_contents_pkey PRIMARY KEY (run, digest);


--
-- Name: acp_run_counts acp_run_counts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_run_counts
    ADD CONSTRAINT acp_run_counts_pkey PRIMARY KEY (listing, name, part);


--
-- Name: acp_runs acp_runs_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_runs
    ADD CONSTRAINT acp_runs_id_key UNIQUE (id);


--
-- Name: acp_runs acp_runs_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_runs
    ADD CONSTRAINT acp_runs_pkey PRIMARY KEY (key);


--
-- Name: acp_schema acp_schema_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_schema
    ADD CONSTRAINT acp_schema_pkey PRIMARY KEY (version);


--
-- Name: acp_session_contents acp_session_contents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_session_contents
    ADD CONSTRAINT acp_session_contents_pkey PRIMARY KEY (session, digest);


--
-- Name: acp_sessions acp_sessions_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_sessions
    ADD CONSTRAINT acp_sessions_id_key UNIQUE (id);


--
-- Name: acp_sessions acp_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_sessions
    ADD CONSTRAINT acp_sessions_pkey PRIMARY KEY (key);


--
-- Name: acp_signals acp_signals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_signals
    ADD CONSTRAINT acp_signals_pkey PRIMARY KEY (run, key);


--
-- Name: acp_turns acp_turns_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_turns
    ADD CONSTRAINT acp_turns_pkey PRIMARY KEY (session, "position");


--
-- Name: acp_turns acp_turns_session_run_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_turns
    ADD CONSTRAINT acp_turns_session_run_key UNIQUE (session, run);


--
-- Name: acp_runs_by_agent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_runs_by_agent ON public.acp_runs USING btree (agent_name, created_at, id);


--
-- Name: acp_runs_by_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_runs_by_session ON public.acp_runs USING btree (session_id, created_at, id) WHERE (session_id IS NOT NULL);


--
-- Name: acp_runs_by_time; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_runs_by_time ON public.acp_runs USING btree (created_at, id);


--
-- Name: acp_runs_ended; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_runs_ended ON public.acp_runs USING btree (ended_at) WHERE (ended_at IS NOT NULL);


--
-- Name: acp_runs_owned; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_runs_owned ON public.acp_runs USING btree (owner_process) WHERE (ended_at IS NULL);


--
-- Name: acp_runs_unfinished; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_runs_unfinished ON public.acp_runs USING btree (status, created_at, id) WHERE (ended_at IS NULL);


--
-- Name: acp_sessions_by_use; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX acp_sessions_by_use ON public.acp_sessions USING btree (used_at);


--
-- Name: acp_runs acp_runs_counted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER acp_runs_counted AFTER INSERT OR DELETE ON public.acp_runs FOR EACH ROW EXECUTE FUNCTION public.acp_count_runs();


--
-- Name: acp_runs acp_runs_renamed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER acp_runs_renamed AFTER UPDATE OF agent_name ON public.acp_runs FOR EACH ROW WHEN ((old.agent_name <> new.agent_name)) EXECUTE FUNCTION public.acp_count_runs();


--
-- Name: acp_events acp_events_run_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_events
    ADD CONSTRAINT acp_events_run_fkey FOREIGN KEY (run) REFERENCES public.acp_runs(key) ON DELETE CASCADE;


--
-- Name: acp_history_blocks acp_history_blocks_session_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_history_blocks
    ADD CONSTRAINT acp_history_blocks_session_fkey FOREIGN KEY (session) REFERENCES public.acp_sessions(key) ON DELETE CASCADE;


--
-- Name: acp_history acp_history_session_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_history
    ADD CONSTRAINT acp_history_session_fkey FOREIGN KEY (session) REFERENCES public.acp_sessions(key) ON DELETE CASCADE;


--
-- Name: acp_run_contents acp_run_contents_run_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_run_contents
    ADD CONSTRAINT acp_run_contents_run_fkey FOREIGN KEY (run) REFERENCES public.acp_runs(key) ON DELETE CASCADE;


--
-- Name: acp_session_contents acp_session_contents_session_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_session_contents
    ADD CONSTRAINT acp_session_contents_session_fkey FOREIGN KEY (session) REFERENCES public.acp_sessions(key) ON DELETE CASCADE;


--
-- Name: acp_signals acp_signals_run_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.acp_signals
    ADD CONSTRAINT acp_signals_run_fkey FOREIGN KEY (run) REFERENCES public.acp_runs(key) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--


