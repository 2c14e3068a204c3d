-- data.sql: rows of the shape of TPC-H's lineitem, the same ones every time
--
-- usage: psql -v rows=3000000 -f data.sql
-- Every value comes from a hash of the row's number.  One to seven lines make an order, dates follow each other as in
-- the original, comments are cut out of running text and one in eight holds a comma.  A row has about 150 bytes as csv.

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
DROP TABLE IF EXISTS lineitem;
CREATE TABLE lineitem (
	l_orderkey bigint NOT NULL,
	l_partkey bigint NOT NULL,
	l_suppkey bigint NOT NULL,
	l_linenumber integer NOT NULL,
	l_quantity numeric(15,2) NOT NULL,
	l_extendedprice numeric(15,2) NOT NULL,
	l_discount numeric(15,2) NOT NULL,
	l_tax numeric(15,2) NOT NULL,
	l_returnflag char(1) NOT NULL,
	l_linestatus char(1) NOT NULL,
	l_shipdate date NOT NULL,
	l_commitdate date NOT NULL,
	l_receiptdate date NOT NULL,
	l_shipinstruct char(25) NOT NULL,
	l_shipmode char(10) NOT NULL,
	l_comment varchar(44) NOT NULL);

-- h(row, what, n): 0 .. n - 1
CREATE OR REPLACE FUNCTION pg_temp.h(bigint, int, int) RETURNS int LANGUAGE sql IMMUTABLE
	AS 'SELECT (hashint8extended($1, $2) & 2147483647)::int % $3';

-- running text; a comment is a piece of two phrases
CREATE TEMP TABLE prose AS
	SELECT i, string_agg(word, ' ' ORDER BY j) AS phrase
	FROM generate_series(0, 4095) AS i, generate_series(0, 9) AS j,
		LATERAL (SELECT (string_to_array('accounts asymptotes blithely bold braids carefully courts daringly deposits dependencies '
 'dolphins dugouts epitaphs escapades even excuses express final, fluffily foxes frays furiously gifts grouches haggle hockey '
 'ideas idle instructions ironic, kindle multipliers nag packages patterns pending pinto pearls platelets quickly realms regular '
 'requests ruthless sauternes sentiments sheaves silent sleep slyly special, theodolites thinly tithes unusual waters wake warhorses',
			' '))[1 + pg_temp.h(i * 10 + j, 77, 56)]) AS w(word)
	GROUP BY i;
ANALYZE prose;

INSERT INTO lineitem
SELECT 1 + n / 4 + 8 * (n / 32),
	1 + pg_temp.h(n, 1, 200000),
	1 + pg_temp.h(n, 2, 10000),
	1 + n % 4,
	quantity,
	quantity * (900 + pg_temp.h(n, 4, 120000) / 100.0),
	pg_temp.h(n, 5, 11) / 100.0,
	pg_temp.h(n, 6, 9) / 100.0,
	CASE WHEN ship + 15 > 1245 THEN 'N' WHEN pg_temp.h(n, 7, 2) = 0 THEN 'R' ELSE 'A' END,
	CASE WHEN ship > 1245 THEN 'O' ELSE 'F' END,
	date '1992-01-02' + ship,
	date '1992-01-31' + ordered + pg_temp.h(n, 9, 61),
	date '1992-01-02' + ship + 1 + pg_temp.h(n, 10, 30),
	(ARRAY['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[1 + pg_temp.h(n, 11, 4)],
	(ARRAY['REG AIR', 'AIR', 'RAIL', 'SHIP', 'TRUCK', 'MAIL', 'FOB'])[1 + pg_temp.h(n, 12, 7)],
	substr(p1.phrase || ' ' || p2.phrase, 1 + pg_temp.h(n, 15, 60), 10 + pg_temp.h(n, 16, 34))
FROM generate_series(0::bigint, :rows - 1) AS n
	JOIN prose AS p1 ON p1.i = pg_temp.h(n, 13, 4096)
	JOIN prose AS p2 ON p2.i = pg_temp.h(n, 14, 4096),
	LATERAL (SELECT (1 + pg_temp.h(n, 3, 50))::numeric, pg_temp.h(n / 4, 8, 2405)) AS a(quantity, ordered),
	LATERAL (SELECT ordered + 1 + pg_temp.h(n, 8, 121)) AS b(ship);
VACUUM (FREEZE, ANALYZE) lineitem;
