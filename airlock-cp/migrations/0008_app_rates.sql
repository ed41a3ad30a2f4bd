-- How often an app's people may ask the gateway, where it is not as often as any app's: a number a minute, or `unlimited`.
ALTER TABLE apps ADD COLUMN rate TEXT NOT NULL DEFAULT 'default';
