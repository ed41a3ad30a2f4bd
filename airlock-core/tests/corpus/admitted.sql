Each entry: `-> answer` or nothing, then a statement that must run.

--! -> [[1]]
SELECT 1

--! -> [[1]]
select 1;

--! -> [[1]]
(SELECT 1)

--! -> [[1]]
/* a /* b */ */ -- c 
SELECT 1 -- d

--! -> [[1],[2]]
VALUES (1), (2)

--! -> [[3]]
SELECT count(*) FROM users

--! -> [[3]]
SELECT count(*) FROM public.users

--! -> [[3]]
SELECT count(*) FROM Users

--! -> [[3]]
SELECT count(1) FROM "users"

--! -> [[1,"Ada"],[2,"Bob"]]
SELECT id, name FROM users WHERE id < 3 ORDER BY id

--! -> [[1,"Ada"]]
SELECT u.id, u.name FROM users AS u ORDER BY 1 LIMIT 1

--! -> [[2]]
SELECT id FROM users ORDER BY id LIMIT 1 OFFSET 1

--! -> [[1]]
SELECT id FROM users ORDER BY id FETCH FIRST 1 ROW ONLY

--! -> [[1],[2]]
SELECT id FROM users ORDER BY id FETCH FIRST 2 ROWS ONLY

--! -> [["free"],["pro"]]
SELECT DISTINCT plan FROM users ORDER BY plan

--! -> [["free",1],["pro",2]]
SELECT DISTINCT ON (plan) plan, id FROM users ORDER BY plan, id

--! -> [["free",2],["pro",1]]
SELECT plan, count(*) FROM users GROUP BY plan ORDER BY plan

--! -> [["free",2]]
SELECT plan, count(*) c FROM users GROUP BY plan HAVING count(*) > 1

--! -> [["free",2],["pro",1]]
SELECT plan, count(*) FROM users GROUP BY 1 ORDER BY 1

--! -> [["free",2],["pro",1]]
SELECT plan, count(*) AS n FROM users GROUP BY ALL ORDER BY plan

--! -> [["free",2],["pro",1],[null,3]]
SELECT plan, count(*) FROM users GROUP BY ROLLUP (plan) ORDER BY plan NULLS LAST

--! -> [["free",2],["pro",1],[null,3]]
SELECT plan, count(*) FROM users GROUP BY CUBE (plan) ORDER BY plan NULLS LAST

--! -> [["free",2],["pro",1],[null,3]]
SELECT plan, count(*) FROM users GROUP BY GROUPING SETS ((plan), ()) ORDER BY plan NULLS LAST

--! -> [["free",0],["pro",0],[null,1]]
SELECT plan, grouping(plan) FROM users GROUP BY ROLLUP (plan) ORDER BY plan NULLS LAST

--! -> [[1,"12.50"],[2,"99.99"],[3,null]]
SELECT user_id, sum(amount) FROM orders GROUP BY user_id ORDER BY user_id

--! -> [["Ada","12.50"]]
SELECT u.name, sum(o.amount) FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id = 1 GROUP BY u.name

--! -> [[1,2],[2,1],[3,1]]
SELECT u.id, count(o.id) FROM users u LEFT JOIN orders o ON o.user_id = u.id GROUP BY u.id ORDER BY u.id

--! -> [[4]]
SELECT count(*) FROM users u RIGHT JOIN orders o ON o.user_id = u.id

--! -> [[4]]
SELECT count(*) FROM users u FULL OUTER JOIN orders o ON o.user_id = u.id

--! -> [[12]]
SELECT count(*) FROM users CROSS JOIN orders

--! -> [[12]]
SELECT count(*) FROM users, orders

--! -> [[3]]
SELECT count(*) FROM users JOIN "Events" USING (id)

--! -> [[3]]
SELECT count(*) FROM users NATURAL JOIN "Events"

--! -> [[2]]
SELECT count(*) FROM users u LEFT SEMI JOIN orders o ON o.user_id = u.id AND o.status = 'paid'

--! -> [[1]]
SELECT count(*) FROM users u LEFT ANTI JOIN orders o ON o.user_id = u.id AND o.status = 'paid'

--! -> [[2]]
SELECT count(*) FROM users u WHERE EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id AND o.status = 'paid')

--! -> [[1]]
SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.user_id = u.id AND o.status = 'paid')

--! -> [[2]]
SELECT count(*) FROM users WHERE id IN (SELECT user_id FROM orders WHERE status = 'paid')

--! -> [[1]]
SELECT count(*) FROM users WHERE id NOT IN (SELECT user_id FROM orders WHERE status = 'paid')

--! -> [["Ada",2],["Bob",1],["Cy",1]]
SELECT name, (SELECT count(*) FROM orders o WHERE o.user_id = u.id) AS n FROM users u ORDER BY name

--! -> [[12]]
SELECT id FROM orders WHERE amount = (SELECT max(amount) FROM orders)

--! -> [[1]]
SELECT count(*) FROM orders WHERE status <> ALL (SELECT status FROM orders WHERE user_id = 1)

--! -> [[3]]
SELECT count(*) FROM users WHERE id = ANY (SELECT user_id FROM orders)

--! -> [[2]]
SELECT count(*) FROM users WHERE id = ANY (ARRAY[1, 2])

--! -> [[10,1],[11,2],[12,1],[13,1]]
SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY id) FROM orders ORDER BY id

--! -> [[10,1],[11,2],[12,3],[13,4]]
SELECT id, rank() OVER (ORDER BY day) FROM orders ORDER BY id

--! -> [[10,null],[11,10],[12,11],[13,12]]
SELECT id, lag(id) OVER (ORDER BY id) FROM orders ORDER BY id

--! -> [[10,11],[11,12],[12,13],[13,0]]
SELECT id, lead(id, 1, 0) OVER (ORDER BY id) FROM orders ORDER BY id

--! -> [[10,"10.50"],[11,"12.50"],[12,"112.49"],[13,"112.49"]]
SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM orders ORDER BY id

--! -> [[10,1],[11,1],[12,2],[13,2]]
SELECT id, ntile(2) OVER (ORDER BY id) FROM orders ORDER BY id

--! -> [[10,10],[11,10],[12,12],[13,13]]
SELECT id, first_value(id) OVER w FROM orders WINDOW w AS (PARTITION BY user_id ORDER BY id) ORDER BY id

--! -> [[10],[12],[13]]
SELECT id FROM orders QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY id) = 1 ORDER BY id

--! 
SELECT id, percent_rank() OVER (ORDER BY id), cume_dist() OVER (ORDER BY id), dense_rank() OVER (ORDER BY status) FROM orders

--! 
SELECT id, avg(amount) OVER (PARTITION BY status ORDER BY day RANGE BETWEEN INTERVAL '7 days' PRECEDING AND CURRENT ROW) FROM orders

--! -> [[3]]
WITH a AS (SELECT * FROM users) SELECT count(*) FROM a

--! -> [[1]]
WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT x FROM b

--! -> [[7]]
WITH a(x) AS (SELECT 7) SELECT x FROM a

--! -> [[1]]
WITH users AS (SELECT 1 AS id) SELECT id FROM users

--! -> [[2]]
WITH a AS MATERIALIZED (SELECT 2 AS x) SELECT x FROM a

--! -> [[1],[2],[3]]
SELECT id FROM (SELECT id FROM users) t ORDER BY id

--! -> [[1],[2]]
SELECT 1 AS x UNION SELECT 2 ORDER BY x

--! -> [[1],[1]]
SELECT 1 UNION ALL SELECT 1

--! -> [[2]]
SELECT 2 INTERSECT SELECT 2

--! -> [[1]]
(SELECT 1 UNION SELECT 2) EXCEPT SELECT 2

--! -> [["a"],["b"],["b"]]
SELECT unnest(tags) AS t FROM users ORDER BY t

--! -> [[1],[2],[3]]
SELECT * FROM unnest(ARRAY[1, 2, 3]) AS t(x) ORDER BY 1

--! -> [[1],[2],[3]]
SELECT * FROM generate_series(1, 3) ORDER BY 1

--! -> [[1],[3]]
SELECT value FROM range(1, 5, 2) ORDER BY 1

--! -> [[31]]
SELECT count(*) FROM generate_series(DATE '2024-01-01', DATE '2024-01-31', INTERVAL '1 day')

--! -> [[2,["a","b"]]]
SELECT array_length(tags), tags FROM users WHERE id = 1

--! -> [["a"]]
SELECT tags[1] FROM users WHERE id = 1

--! -> [[true]]
SELECT array_has(tags, 'a') FROM users WHERE id = 1

--! -> [["a-b"]]
SELECT array_to_string(tags, '-') FROM users WHERE id = 1

--! -> [[[2,4]]]
SELECT array_transform([1, 2], x -> x * 2)

--! -> [[[2]]]
SELECT array_filter([1, 2], x -> x > 1)

--! -> [[[1,2,3]]]
SELECT array_agg(id ORDER BY id) FROM users

--! -> [["Ada, Bob, Cy"]]
SELECT string_agg(name, ', ' ORDER BY name) FROM users

--! -> [[["a","b"]]]
SELECT string_to_array('a,b', ',')

--! -> [["Bonn"]]
SELECT address['city'] FROM users WHERE id = 1

--! -> [[53111]]
SELECT users.address.zip FROM users WHERE id = 1

--! -> [[{"a":1,"b":"x"}]]
SELECT named_struct('a', 1, 'b', 'x')

--! -> [[{"a":1}]]
SELECT {'a': 1}

--! -> [[{"k":1}]]
SELECT map(['k'], [1])

--! -> [["2023-12-09"]]
SELECT day FROM orders WHERE id = 10

--! -> [["2023-12-01T00:00:00Z"]]
SELECT date_trunc('month', created_at) FROM users WHERE id = 1

--! -> [[2023]]
SELECT EXTRACT(year FROM day) FROM orders WHERE id = 10

--! -> [[12]]
SELECT date_part('month', day) FROM orders WHERE id = 10

--! -> [["2023-12-16"]]
SELECT day + INTERVAL '7 days' FROM orders WHERE id = 10

--! -> [["2023-12-09"]]
SELECT CAST('2023-12-09' AS date)

--! -> [[2]]
SELECT count(*) FROM orders WHERE day BETWEEN DATE '2023-12-01' AND DATE '2023-12-15'

--! -> [["2023-12"]]
SELECT to_char(day, '%Y-%m') FROM orders WHERE id = 10

--! 
SELECT count(*) FROM orders WHERE ordered_at > now() - INTERVAL '30 days'

--! 
SELECT count(*) FROM orders WHERE day > current_date - INTERVAL '30 days'

--! 
SELECT date_bin(INTERVAL '1 hour', ordered_at, TIMESTAMP '2000-01-01') FROM orders

--! 
SELECT created_at AT TIME ZONE 'Europe/Berlin' FROM users

--! 
SELECT current_timestamp, current_date

--! -> [["2024-02-03"]]
SELECT make_date(2024, 2, 3)

--! -> [["2024-01-01T00:00:00"]]
SELECT TIMESTAMP '2024-01-01 00:00:00'

--! -> [["ADA",3,"da"]]
SELECT upper(name), length(name), substring(name FROM 2 FOR 2) FROM users WHERE id = 1

--! -> [["A","a"]]
SELECT left('Ab', 1), right('ba', 1)

--! -> [["x","yy"]]
SELECT trim('  x '), trim(BOTH 'x' FROM 'xyyx')

--! -> [[2]]
SELECT position('b' IN 'abc')

--! -> [["a-b"]]
SELECT concat_ws('-', 'a', 'b')

--! -> [["b"]]
SELECT split_part('a,b', ',', 2)

--! -> [["005"]]
SELECT lpad('5', 3, '0')

--! -> [["xxx"]]
SELECT repeat('x', 3)

--! -> [["aXc"]]
SELECT overlay('abc' PLACING 'X' FROM 2 FOR 1)

--! -> [["a.c"]]
SELECT replace('abc', 'b', '.')

--! -> [[true]]
SELECT 'abc' ~ '^a'

--! -> [[false]]
SELECT 'abc' !~* 'B'

--! -> [["a1c"]]
SELECT regexp_replace('abc', '[b]', '1')

--! -> [[["b"]]]
SELECT regexp_match('abc', 'b')

--! -> [[2]]
SELECT count(*) FROM users WHERE name ILIKE 'A%' OR name LIKE '_o%'

--! -> [[true]]
SELECT 'abc' SIMILAR TO 'a(b|x)c'

--! -> [["p"]]
SELECT CASE plan WHEN 'pro' THEN 'p' ELSE 'f' END FROM users WHERE id = 2

--! -> [["big"]]
SELECT CASE WHEN amount > 50 THEN 'big' ELSE 'small' END FROM orders WHERE id = 12

--! -> [["0"]]
SELECT coalesce(amount, 0)::text FROM orders WHERE id = 99 UNION SELECT '0'

--! -> [[null]]
SELECT nullif(1, 1)

--! -> [[3,1]]
SELECT greatest(1, 3), least(1, 3)

--! -> [[true,false]]
SELECT 1 IS DISTINCT FROM NULL, 1 IS NOT DISTINCT FROM 2

--! -> [[true]]
SELECT NULL IS NULL AND true IS NOT FALSE

--! -> [["1.50"]]
SELECT round(1.5::numeric(10,2), 2)

--! -> [[3,2]]
SELECT ceil(2.1)::int, floor(2.9)::int

--! -> [[8]]
SELECT power(2, 3)::int

--! -> [[1]]
SELECT 7 % 2

--! -> [[3]]
SELECT 1 | 2

--! -> [[2.5]]
SELECT avg(x) FROM (VALUES (1), (2), (3), (4)) AS t(x)

--! -> [[2]]
SELECT median(x)::int FROM (VALUES (1), (2), (3)) AS t(x)

--! -> [[1.5]]
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM (VALUES (1), (2)) AS t(x)

--! -> [[1]]
SELECT count(*) FILTER (WHERE plan = 'pro') FROM users

--! -> [[2]]
SELECT count(DISTINCT plan) FROM users

--! -> [[true,true]]
SELECT bool_or(id = 1), bool_and(id > 0) FROM users

--! -> [[1]]
SELECT variance(x)::int FROM (VALUES (1), (2), (3)) AS t(x)

--! 
SELECT stddev(id), var_pop(id), corr(id, id), approx_distinct(name) FROM users

--! -> [["202cb962ac59075b964b07152d234b70"]]
SELECT md5('123')

--! 
SELECT encode(sha256('x'), 'hex'), random(), uuid()

--! -> [["b64:AAE="]]
SELECT blob FROM "Events" WHERE id = 1

--! -> [["9007199254740993","NaN"]]
SELECT id, total FROM billing.invoices WHERE NOT paid

--! -> [[1.5]]
SELECT invoices.total FROM billing.invoices WHERE paid

--! -> [[1.5]]
SELECT billing.invoices.total FROM billing.invoices WHERE billing.invoices.paid

--! -> [[2]]
SELECT count(*) FROM Events WHERE userId = 1

--! -> [[1]]
SELECT x.id FROM users u, LATERAL (SELECT id FROM orders o WHERE o.user_id = u.id LIMIT 1) x WHERE false UNION SELECT 1

--! -> [[1,"h1"]]
SELECT * EXCLUDE (name, plan, created_at, tags, address) FROM users WHERE id = 1

--! -> [[5,"Ada"]]
SELECT * REPLACE (5 AS id) FROM (SELECT id, name FROM users WHERE id = 1) t

--! -> [[1]]
SELECT id, FROM users WHERE id = 1

--! -> [["it's"]]
SELECT 'it''s'

--! -> [["a\tb"]]
SELECT E'a\tb'

--! -> [["x;y"]]
SELECT $$x;y$$

--! -> [["DROP TABLE users; --"]]
SELECT 'DROP TABLE users; --'

--! -> [[1000]]
SELECT 1_000

--! -> [["int8"]]
SELECT 'int8'

--! -> [[6]]
SELECT length('größer')

--! -> [[true]]
SELECT (1, 2) = (1, 2)

--! -> [[1,10]]
SELECT min(id), (SELECT min(id) FROM orders) FROM users

--! 
SELECT u.plan, o.status, count(*), sum(o.amount) FROM users u JOIN orders o ON u.id = o.user_id GROUP BY CUBE (u.plan, o.status)

--! 
WITH m AS (SELECT date_trunc('month', ordered_at) AS m, sum(amount) AS s FROM orders GROUP BY 1) SELECT m, s, s - lag(s) OVER (ORDER BY m) FROM m ORDER BY m

--! -> [[3,1]]
WITH users AS (SELECT 1 AS id) SELECT (SELECT count(*) FROM public.users) AS a, (SELECT count(*) FROM users) AS b

--! -> [[1]]
SELECT public.users.id FROM public.users WHERE users.id = 1

--! -> [["1"],[null],[null]]
SELECT payload -> 'a' FROM "Events" ORDER BY id

--! -> [["1"],[null],[null]]
SELECT payload->>'a' AS a FROM "Events" e ORDER BY id

--! -> [["1",1,1]]
SELECT json_get(payload, 'a'), json_get_int(payload, 'a'), (e.payload ->> 'a')::int FROM "Events" e WHERE e.payload ? 'a'

--! -> [[1]]
SELECT count(*) FROM "Events" WHERE (payload -> 'a')::bigint = 1 AND payload ->> 'a' = '1'

--! -> [["\"x\"","x",2,true,1.5]]
SELECT j -> 'b' -> 0, j -> 'b' ->> 0, json_length(j -> 'b'), j ? 'b', json_get_float(j, 'c', 'd') FROM (SELECT '{"b": ["x", "y"], "c": {"d": 1.5}}'::jsonb AS j) t

--! -> [["v",2]]
SELECT jsonb_extract_path_text(j, 'a', 'b'), jsonb_array_length(j -> 'xs') FROM (SELECT '{"a": {"b": "v"}, "xs": [1, 2]}' AS j) t

--! -> [[[10,20]]]
SELECT array_transform(xs, x -> x * 10) FROM (SELECT make_array(1, 2) AS xs) t

--! -> [[["1"]]]
SELECT array_filter(xs, x -> x ->> 'k' = 'v' OR x = '1') FROM (SELECT make_array('1', '2', '{"k": "w"}') AS xs) t

--! -> [["a",null]]
SELECT j ->> 'k', j ->> 'z' FROM (VALUES ('{"k": "a"}'), ('not json')) t (j) WHERE j ->> 'k' IS NOT NULL

--! -> [[2]]
SELECT count(*) FROM (VALUES ('{"k": "a"}'), ('{"k": "b"}'), ('{')) t (j) WHERE j ->> 'k' IN ('a', 'b')
