"""The tables as an environment with the Sales app has them, and what this product adds."""
