"""MongoDB as Posthorn uses it: majority writes, grouped writes, leases on the database's clock."""
