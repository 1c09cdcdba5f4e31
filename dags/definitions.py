"""Makes no DAG: loads the definition of every model, so that Airflow names a broken one among its import errors.

The nightly DAGs of the other models go on without it; its own are made again as soon as its definition loads.
"""

import models

for name in models.names():
    models.load(name)
