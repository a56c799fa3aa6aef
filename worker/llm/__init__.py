"""The model side: what is asked, how it is sent, what of the reply is believed."""
