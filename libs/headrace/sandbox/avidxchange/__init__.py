"""Sandbox of AvidXchange: AvidSuite with AvidInvoice and AvidPay behind the AvidConnect API."""
