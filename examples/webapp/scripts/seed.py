"""Write some visits into the guest book: `tacit run scripts/seed.py NAME…`."""

import os
import subprocess
import sys

import tacit

# The password of the database that PGDATABASE names. It could be taken from PGPASSWORD as well; asked for, it is on the record as this script's.
which = os.environ["PGDATABASE"].removeprefix("webapp_")
environment = {**os.environ, "PGPASSWORD": tacit.secrets.get(f"webapp/{which}/db-password")}

for name in sys.argv[1:]:
    subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--set", f"name={name}"],
        input="INSERT INTO visits (name) VALUES (:'name');", text=True, env=environment, check=True,
    )
print(f"{len(sys.argv) - 1} visits in {os.environ['PGDATABASE']}")
