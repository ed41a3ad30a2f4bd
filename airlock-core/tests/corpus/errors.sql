Statements that are allowed and wrong: part of what is said, then the statement.

--! did you mean "email"
SELECT emial FROM users
--! column "nope" does not exist
SELECT nope FROM users
--! column "id" is ambiguous
SELECT id FROM users, orders WHERE users.id = orders.user_id
--! neither in GROUP BY nor inside an aggregate
SELECT name, count(*) FROM users
--! does not take these arguments
SELECT date_trunc(1, 2, 3, 's3cret')
--! division by zero
SELECT 1 / 0
--! cannot be cast
SELECT 's3cret'::int
--! cannot be cast
SELECT CAST(name || 's3cret' AS int) FROM users
--! cannot take
SELECT factorial(30)
--! cannot be reached
SELECT users.id FROM users u
--! ANY and ALL
SELECT 1 WHERE 1 > ALL (SELECT id FROM users)
--! syntax error at line 1, column 24
SELECT * FROM  WHERE x = 's3cret'
--! near a literal
SELECT * FROM users WHERE id 's3cret'
--! near "BY"
SELECT * FROM users WHERE GROUP BY 1
--! ends inside a literal
SELECT * FROM users WHERE name = 's3cret
--! more than one row
SELECT (SELECT id FROM users)
--! same number
SELECT 1 UNION SELECT 1, 2
--! types do not fit
SELECT tags + 1 FROM users
--! two output columns have one name
SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM orders)
--! cannot be read
SELECT name ~ '(s3cret' FROM users
--! get_schema
SELECT zzzzzzzz FROM users
--! try_cast
SELECT to_date(name || 's3cret') FROM users
