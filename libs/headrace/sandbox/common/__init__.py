"""What every sandbox shares: store, ledger, faults, clock, deliveries and the control routes under /_sandbox."""
