"""Figures and trails for people who look after the clinic."""
