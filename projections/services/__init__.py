"""Services: tools that others run, as a tenant registered them."""
