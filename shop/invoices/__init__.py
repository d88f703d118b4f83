"""What an order leaves on paper: invoices, receipts, credit notes, and its history in words."""
