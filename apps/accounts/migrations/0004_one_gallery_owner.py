"""Once there is a gallery owner there is always one: taking the role without handing it over fails (S2-01)."""

from django.db import migrations

WALL = """
CREATE FUNCTION accounts_keep_gallery_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_rolegrant WHERE role = 'gallery_owner') THEN
        RAISE EXCEPTION 'there must be a gallery owner' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER accounts_keep_gallery_owner AFTER DELETE OR UPDATE ON accounts_rolegrant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.role = 'gallery_owner')
    EXECUTE FUNCTION accounts_keep_gallery_owner();
"""
FALL = """
DROP TRIGGER accounts_keep_gallery_owner ON accounts_rolegrant;
DROP FUNCTION accounts_keep_gallery_owner();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_addresses")]

    operations = [migrations.RunSQL(WALL, FALL)]
