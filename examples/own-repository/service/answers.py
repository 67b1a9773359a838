"""Support's answers, and of each a question that customers asked, by language."""

QUESTIONS_AND_ANSWERS = {
    "en": {
        "How do I get my money back?": "Refunds are paid to the card you bought with, within five working days.",
        "I forgot my password.": "To choose a new password, follow the link below the login form.",
        "Where is my parcel?": "You can follow your parcel with the tracking number in our e-mail.",
        "The screen stays black when I switch it on.": "If the display stays dark, charge the device for an hour.",
        "Can I change the delivery address?": "The address of an order can be changed until it leaves our warehouse.",
        "Do you ship to Norway?": "We deliver to all countries in Europe; shipping takes three to seven days.",
        "How do I cancel my subscription?": "A subscription can be ended at any time, under Account, Plan.",
        "The invoice has a wrong amount on it.": "If a bill is not right, send us its number and we will correct it.",
    },
    "de": {
        "Wie bekomme ich mein Geld zurück?": "Erstattungen gehen innerhalb von fünf Werktagen auf Ihre Karte.",
        "Ich habe mein Passwort vergessen.": "Ein neues Passwort wählen Sie unter dem Anmeldeformular.",
        "Wo ist mein Paket?": "Sie können Ihre Lieferung mit der Sendungsnummer aus unserer E-Mail verfolgen.",
        "Der Bildschirm bleibt schwarz.": "Wenn die Anzeige nicht leuchtet, laden Sie das Gerät eine Stunde lang.",
        "Kann ich die Lieferadresse ändern?": "Bis eine Bestellung unser Lager verlässt, ändern wir die Adresse.",
        "Liefern Sie nach Norwegen?": "Wir liefern in alle Länder Europas; der Versand dauert drei bis sieben Tage.",
        "Wie kündige ich mein Abonnement?": "Ein Abonnement lässt sich jederzeit beenden, unter Konto, Tarif.",
        "Auf der Rechnung steht ein falscher Betrag.": "Wenn eine Rechnung nicht stimmt, schicken Sie uns ihre Nummer.",
    },
}
"""Language -> question -> the answer that is right."""
