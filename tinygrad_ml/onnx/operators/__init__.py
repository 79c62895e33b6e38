"""The rows of the table of operators, a family a file. Importing this package fills the table."""

from . import products as products
