"""What a projection parks: records that it, or its table, will never take.

How a reader parks is said in `streams/parking.py`.
"""

import psycopg


class Unprojectable(Exception):
    """A projection or its table refuses a record: park its stream, read on."""


# What the database says of a value it will never take; everything else may pass.
POISON = (psycopg.DataError, psycopg.IntegrityError, Unprojectable)
