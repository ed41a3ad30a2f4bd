Each entry: the reason, then the statement. s3cret stands for what must not be quoted back.

--! not_a_query
COPY users TO '/tmp/s3cret.csv'
--! not_a_query
COPY (SELECT * FROM users) TO '/tmp/s3cret.parquet' STORED AS PARQUET
--! not_a_query
COPY users FROM PROGRAM 'curl s3cret'
--! not_a_query
CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/s3cret'
--! not_a_query
CREATE TABLE t AS SELECT * FROM users
--! not_a_query
CREATE VIEW v AS SELECT * FROM users
--! not_a_query
CREATE FUNCTION f() RETURNS int LANGUAGE c AS 's3cret.so'
--! not_a_query
DROP TABLE users
--! not_a_query
ALTER TABLE users ADD COLUMN x int
--! not_a_query
TRUNCATE users
--! not_a_query
INSERT INTO users VALUES (1)
--! not_a_query
UPDATE users SET id = 1
--! not_a_query
DELETE FROM users
--! not_a_query
MERGE INTO users USING orders ON true WHEN MATCHED THEN DELETE
--! not_a_query
SET datafusion.sql_parser.recursion_limit = 100000
--! not_a_query
SET statement_timeout TO 0
--! not_a_query
RESET ALL
--! not_a_query
SHOW ALL
--! not_a_query
SHOW TABLES
--! not_a_query
DESCRIBE users
--! not_a_query
DESC users
--! explain
EXPLAIN SELECT 1
--! explain
EXPLAIN ANALYZE VERBOSE SELECT * FROM users
--! explain
EXPLAIN COPY users TO '/tmp/s3cret'
--! explain
/* x */ EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1
--! not_a_query
PREPARE p AS SELECT 1
--! not_a_query
EXECUTE p
--! not_a_query
DEALLOCATE ALL
--! not_a_query
BEGIN
--! not_a_query
COMMIT
--! not_a_query
ROLLBACK
--! multiple_statements
SELECT 1; COMMIT; DROP TABLE users
--! not_a_query
COMMIT; SELECT 1
--! not_a_query
DO $$ BEGIN PERFORM 1; END $$
--! not_a_query
CALL p()
--! not_a_query
LISTEN c
--! not_a_query
NOTIFY c, 's3cret'
--! not_a_query
KILL 1
--! not_a_query
VACUUM
--! explain
ANALYZE users
--! not_a_query
LOAD 's3cret.so'
--! not_a_query
INSTALL httpfs
--! not_a_query
ATTACH 's3cret.db' AS d
--! not_a_query
PRAGMA database_list
--! not_a_query
USE mysql
--! not_a_query
GRANT ALL ON users TO public
--! not_a_query
DECLARE c CURSOR FOR SELECT 1
--! not_a_query
FETCH ALL FROM c
--! not_a_query
FROM users
--! not_a_query
FROM users SELECT *
--! not_a_query
SUMMARIZE users
--! not_a_query
PIVOT users ON plan USING count(*)
--! not_a_query
TABLE users
--! not_a_query
HANDLER users OPEN
--! multiple_statements
SELECT 1; SELECT 2
--! multiple_statements
SELECT 1; -- s3cret
DROP TABLE users
--! multiple_statements
SELECT 1;;SELECT 2
--! multiple_statements
SELECT 'a';/**/DELETE FROM users
--! multiple_statements
SELECT $$;$$; DROP TABLE users
--! unicode_control
SELECT 1\u{202e}, 2
--! unicode_control
SELECT\u{a0}1
--! unicode_control
SELECT\u{3000}* FROM users
--! unicode_control
SELECT 1 --\u{2028} DROP
--! unicode_control
\u{feff}SELECT 1
--! unicode_control
SELECT "na\u{200b}me" FROM users
--! unicode_control
SELECT '\u{0}'
--! unicode_control
SELECT 1 /* \u{2067} */
--! unicode_control
SELECT 1\u{b}
--! sql_error
SELECT 1 ； DROP TABLE users
--! path_relation
SELECT * FROM 's3cret.csv'
--! path_relation
SELECT * FROM '/etc/passwd'
--! path_relation
SELECT * FROM "/etc/passwd"
--! path_relation
SELECT * FROM "file:///etc/passwd"
--! path_relation
SELECT * FROM "s3://bucket/x.parquet"
--! path_relation
SELECT * FROM "https://example.com/x.json"
--! path_relation
SELECT * FROM "data.parquet"
--! path_relation
SELECT * FROM data.csv.gz
--! path_relation
SELECT * FROM users, 's3cret.csv'
--! path_relation
SELECT * FROM users JOIN "..\secret.db" s ON true
--! path_relation
SELECT (SELECT count(*) FROM 's3cret.json')
--! path_relation
SELECT * FROM "*"
--! path_relation
SELECT * FROM "dir/*.csv"
--! path_relation
SELECT * FROM " "
--! path_relation
SELECT * FROM users WHERE EXISTS (SELECT 1 FROM "C:\x")
--! path_relation
WITH a AS (SELECT * FROM 'x.arrow') SELECT * FROM a
--! path_relation
SELECT * FROM E'\x2fetc'
--! table_function_not_allowed
SELECT * FROM read_csv('s3cret.csv')
--! table_function_not_allowed
SELECT * FROM read_parquet('s3cret.parquet')
--! table_function_not_allowed
SELECT * FROM parquet_scan('s3cret')
--! table_function_not_allowed
SELECT * FROM parquet_metadata('s3cret')
--! table_function_not_allowed
SELECT * FROM glob('*')
--! table_function_not_allowed
SELECT * FROM users u, LATERAL read_json(u.email) j
--! table_function_not_allowed
SELECT * FROM users CROSS JOIN read_text('s3cret')
--! table_function_not_allowed
SELECT * FROM metadata_cache()
--! table_function_not_allowed
SELECT * FROM list_files_cache()
--! table_function_not_allowed
SELECT * FROM pg_ls_dir('/')
--! table_function_not_allowed
SELECT * FROM query('s3cret')
--! table_function_not_allowed
SELECT * FROM url('http://s3cret', CSV)
--! table_function_not_allowed
SELECT * FROM dblink('s3cret', 'SELECT 1') AS t(a int)
--! table_function_not_allowed
SELECT * FROM sum(1)
--! table_function_not_allowed
SELECT * FROM TABLE(read_csv('s3cret'))
--! table_function_not_allowed
SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (a INT PATH '$.a')) t
--! table_function_not_allowed
SELECT * FROM public.generate_series(1, 2)
--! function_not_allowed
SELECT version()
--! function_not_allowed
SELECT pg_read_file('s3cret')
--! function_not_allowed
SELECT lo_import('s3cret')
--! function_not_allowed
SELECT current_setting('s3cret')
--! function_not_allowed
SELECT set_config('a', 's3cret', true)
--! function_not_allowed
SELECT pg_sleep(10)
--! function_not_allowed
SELECT getenv('s3cret')
--! function_not_allowed
SELECT nextval('s3cret')
--! function_not_allowed
SELECT input_file_name() FROM users
--! function_not_allowed
SELECT arrow_metadata(email) FROM users
--! function_not_allowed
SELECT with_metadata(email, 'airlock.mask', 's3cret') FROM users
--! function_not_allowed
SELECT "SUM"(id) FROM users
--! function_not_allowed
SELECT pg_catalog.sum(id) FROM users
--! function_not_allowed
SELECT current_user
--! function_not_allowed
SELECT session_user
--! function_not_allowed
SELECT current_catalog
--! function_not_allowed
SELECT id FROM users ORDER BY pg_sleep(1)
--! function_not_allowed
SELECT id FROM users GROUP BY id, version()
--! function_not_allowed
SELECT id FROM users GROUP BY id HAVING version() = 's3cret'
--! function_not_allowed
SELECT count(*) FILTER (WHERE version() = 's3cret') FROM users
--! function_not_allowed
SELECT sum(id) OVER (PARTITION BY version()) FROM users
--! function_not_allowed
SELECT sum(id) OVER w FROM users WINDOW w AS (ORDER BY version())
--! function_not_allowed
SELECT sum(id) OVER (ROWS version() PRECEDING) FROM users
--! function_not_allowed
SELECT string_agg(name, ',' ORDER BY version()) FROM users
--! function_not_allowed
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY version()) FROM users
--! function_not_allowed
SELECT * FROM users JOIN orders ON version() = 's3cret'
--! function_not_allowed
SELECT CASE WHEN true THEN version() END
--! function_not_allowed
SELECT ARRAY[version()]
--! function_not_allowed
SELECT (SELECT version())
--! function_not_allowed
VALUES (version())
--! function_not_allowed
SELECT DISTINCT ON (version()) id FROM users
--! function_not_allowed
SELECT id FROM users QUALIFY row_number() OVER (ORDER BY version()) = 1
--! function_not_allowed
SELECT array_transform([1], x -> pg_sleep(x))
--! function_not_allowed
SELECT * FROM generate_series(1, version())
--! function_not_allowed
SELECT CAST(version() AS text)
--! function_not_allowed
SELECT * REPLACE (version() AS id) FROM users
--! function_not_allowed
SELECT {'a': version()}
--! function_not_allowed
SELECT tags[version()] FROM users
--! function_not_allowed
SELECT json_get_array(payload, 'a') FROM "Events"
--! function_not_allowed
SELECT json_object_keys(payload) FROM "Events"
--! function_not_allowed
SELECT payload #> '{a}' FROM "Events"
--! function_not_allowed
SELECT payload #>> '{a}' FROM "Events"
--! function_not_allowed
SELECT e.payload - 'a' #- '{b}' FROM "Events" e
--! not_a_query
SELECT e.payload ? FROM "Events" e
--! not_a_query
SELECT id FROM users WHERE id = ? AND name ->> 'a' = ?
--! function_not_allowed
SELECT version() -> 'a'
--! function_not_allowed
SELECT payload -> pg_read_file('/etc/s3cret') FROM "Events"
--! path_relation
SELECT payload -> (SELECT max(a) FROM '/etc/s3cret.csv') FROM "Events"
--! function_not_allowed
SELECT summ(id) FROM users
--! function_not_allowed
SELECT xmlparse(DOCUMENT 's3cret')
--! function_not_allowed
SELECT query_to_xml('s3cret', true, true, '')
--! relation_not_in_snapshot
SELECT * FROM secrets
--! relation_not_in_snapshot
SELECT * FROM other.users
--! relation_not_in_snapshot
SELECT * FROM a.b.c.d
--! relation_not_in_snapshot
SELECT * FROM "USERS"
--! relation_not_in_snapshot
SELECT * FROM invoices
--! relation_not_in_snapshot
WITH a AS (SELECT 1) SELECT * FROM (WITH b AS (SELECT 1) SELECT * FROM a) x, b
--! relation_not_in_snapshot
WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a
--! relation_not_in_snapshot
SELECT * FROM airlock.public.users
--! system_relation
SELECT * FROM information_schema.tables
--! system_relation
SELECT * FROM airlock.information_schema.df_settings
--! system_relation
SELECT * FROM pg_catalog.pg_class
--! system_relation
SELECT * FROM pg_class
--! system_relation
SELECT * FROM sqlite_master
--! system_relation
SELECT * FROM duckdb_settings
--! system_relation
SELECT * FROM users WHERE id IN (SELECT oid FROM pg_authid)
--! system_relation
SELECT 'users'::regclass
--! system_relation
SELECT CAST('s3cret' AS regproc)
--! system_relation
SELECT 1::pg_catalog.regrole
--! locking_clause
SELECT * FROM users FOR UPDATE
--! locking_clause
SELECT * FROM users FOR SHARE SKIP LOCKED
--! locking_clause
SELECT * FROM (SELECT * FROM users FOR UPDATE) t
--! select_into
SELECT * INTO t FROM users
--! select_into
SELECT 1 INTO OUTFILE '/tmp/s3cret'
--! recursive_cte
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT * FROM t
--! recursive_cte
SELECT * FROM (WITH RECURSIVE t(n) AS (VALUES (1)) SELECT * FROM t) x
--! not_a_query
WITH a AS (DELETE FROM users RETURNING *) SELECT * FROM a
--! not_a_query
WITH a AS (INSERT INTO users VALUES (1) RETURNING *) SELECT * FROM a
--! not_a_query
WITH a AS MATERIALIZED (UPDATE users SET id = 1 RETURNING *) SELECT * FROM a
--! not_a_query
WITH a AS (SELECT 1) INSERT INTO users SELECT * FROM a
--! not_a_query
WITH a AS (SELECT 1) DELETE FROM users
--! not_a_query
SELECT * FROM users WHERE id = $1
--! not_a_query
SELECT "@name"
--! not_a_query
SELECT * FROM users TABLESAMPLE BERNOULLI (10)
--! not_a_query
SELECT * FROM users PIVOT (sum(id) FOR plan IN ('free', 'pro'))
--! not_a_query
SELECT * FROM orders MATCH_RECOGNIZE (PATTERN (a+) DEFINE a AS true)
--! not_a_query
SELECT U&'s3cret'
--! not_a_query
SELECT |/ 4
--! not_a_query
SELECT id FROM users CONNECT BY id = 1
--! unbounded_size_argument
SELECT repeat('x', 1000000000)
--! unbounded_size_argument
SELECT repeat('x', id) FROM users
--! unbounded_size_argument
SELECT lpad('x', 1000000000, 'y')
--! unbounded_size_argument
SELECT rpad(name, length(name)) FROM users
--! unbounded_size_argument
SELECT array_repeat(1, 1000000000)
--! unbounded_size_argument
SELECT array_resize([1], 1000000000, 0)
--! unbounded_size_argument
SELECT range(1, 1000000000000)
--! unbounded_size_argument
SELECT generate_series(1, 1000000000000)
--! unbounded_size_argument
SELECT * FROM generate_series(1, 1000000000000)
--! unbounded_size_argument
SELECT * FROM range(9223372036854775807)
--! unbounded_size_argument
SELECT * FROM generate_series(TIMESTAMP '1900-01-01', TIMESTAMP '2100-01-01', INTERVAL '1 second')
--! unbounded_size_argument
SELECT name ~ email FROM users
--! unbounded_size_argument
SELECT regexp_replace(name, email, 's3cret') FROM users
--! unbounded_size_argument
SELECT arrow_cast('x', 'FixedSizeBinary(2147483647)')
--! unbounded_size_argument
SELECT repeat('x', 10000 * 10000)
--! sql_error
SELECT CAST('s3cret' AS citext)
--! sql_error
SELECT FROM WHERE 's3cret'
--! sql_error
SELECT 's3cret
--! sql_error
SELECT count(u.*) FROM users u
--! sql_error
SELECT * FROM users LIMIT (SELECT 1)
