-- A family of refresh tokens may have a parent: that of the token it was made with.

ALTER TABLE portcullis_refresh_families ADD COLUMN parent TEXT;              -- ended with it
