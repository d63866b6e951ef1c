\set QUIET on
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS visits (
  id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  at   timestamptz NOT NULL DEFAULT now()
);
