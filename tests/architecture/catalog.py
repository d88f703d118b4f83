"""What a database holds, read from PostgreSQL's own catalogue, as text that can be compared."""

from __future__ import annotations

from typing import Any

import psycopg

COLUMNS = """
SELECT c.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                 CASE a.attgenerated WHEN 's' THEN 'generated' ELSE 'default' END
                     || ' ' || pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND a.attnum > 0 AND NOT a.attisdropped
"""

# NOT NULL, a constraint since PostgreSQL 18, is said by the columns; triggers are listed below.
CONSTRAINTS = """
SELECT conrelid::regclass::text || ' constraint ' || conname, pg_get_constraintdef(oid)
FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype NOT IN ('n', 't')
"""

INDEXES = """
SELECT tablename || ' index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
"""

TRIGGERS = """
SELECT tgrelid::regclass::text || ' trigger ' || tgname, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
"""

FUNCTIONS = """
SELECT 'function ' || p.oid::regprocedure::text, pg_get_functiondef(p.oid)
FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""

OTHERS = """
SELECT 'relation ' || relname || ' ' || relkind::text, ''
FROM pg_class
WHERE relnamespace IN ('public'::regnamespace, 'jobs'::regnamespace) AND relkind NOT IN ('i', 't')
UNION ALL
SELECT 'type ' || typname, '' FROM pg_type t
WHERE typnamespace IN ('public'::regnamespace, 'jobs'::regnamespace) AND typelem = 0
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e')
"""

GRANTS = """
SELECT concat_ws(' ', 'grant', grantee, privilege_type, table_schema || '.' || table_name,
                 column_name), ''
FROM information_schema.column_privileges
WHERE grantee IN ('aftercare_app', 'aftercare_worker')
UNION ALL
SELECT concat_ws(' ', 'grant', grantee, privilege_type, table_schema || '.' || table_name), ''
FROM information_schema.table_privileges
WHERE grantee IN ('aftercare_app', 'aftercare_worker')
"""

ARROWS = """
SELECT 'arrow ' || machine || ' ' || from_state || ' > ' || to_state, '' FROM legal_transitions
"""

TABLES = (COLUMNS, CONSTRAINTS, INDEXES)
EVERYTHING = (*TABLES, TRIGGERS, FUNCTIONS, OTHERS, GRANTS, ARROWS)


def facts(connection: psycopg.Connection[Any], *queries: str) -> dict[str, str]:
    """Name of each thing → its definition."""
    return {name: text for query in queries for name, text in connection.execute(query).fetchall()}


def difference(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str, str]]:
    """What the two do not say alike; "-" where one of them says nothing."""
    return {
        name: (one.get(name, "-"), other.get(name, "-"))
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    }
