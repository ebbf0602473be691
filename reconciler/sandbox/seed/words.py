"""Words the invented tenant is made of. Pairs are (as written, as it appears in an address)."""

from __future__ import annotations

FIRST = (
    ("Ada", "ada"), ("Amir", "amir"), ("Anika", "anika"), ("Bruno", "bruno"), ("Carla", "carla"), ("Chen", "chen"),
    ("Dalia", "dalia"), ("Diego", "diego"), ("Elif", "elif"), ("Émile", "emile"), ("Farah", "farah"),
    ("Finn", "finn"), ("Grace", "grace"), ("Hana", "hana"), ("Hugo", "hugo"), ("Ines", "ines"), ("Ivan", "ivan"),
    ("Jana", "jana"), ("João", "joao"), ("Kofi", "kofi"), ("Lena", "lena"), ("Liam", "liam"), ("Maya", "maya"),
    ("Mateo", "mateo"), ("Nadia", "nadia"), ("Noah", "noah"), ("Olga", "olga"), ("Omar", "omar"), ("Priya", "priya"),
    ("Quinn", "quinn"), ("Rosa", "rosa"), ("Søren", "soeren"), ("Sofia", "sofia"), ("Tariq", "tariq"),
    ("Uma", "uma"), ("Viktor", "viktor"), ("Wanda", "wanda"), ("Yuki", "yuki"), ("Zara", "zara"), ("Zoë", "zoe"),
)  # fmt: skip
LAST = (
    ("Abbott", "abbott"), ("Almeida", "almeida"), ("Banerjee", "banerjee"), ("Berg", "berg"), ("Castillo", "castillo"),
    ("Chang", "chang"), ("Dubois", "dubois"), ("Eriksen", "eriksen"), ("Fischer", "fischer"), ("Fontaine", "fontaine"),
    ("García", "garcia"), ("Haddad", "haddad"), ("Hughes", "hughes"), ("Ito", "ito"), ("Jansen", "jansen"),
    ("Kaplan", "kaplan"), ("Kowalski", "kowalski"), ("Larsen", "larsen"), ("Lindqvist", "lindqvist"),
    ("Mensah", "mensah"), ("Müller", "mueller"), ("Nakamura", "nakamura"), ("Novak", "novak"), ("O'Brien", "obrien"),
    ("Okafor", "okafor"), ("Patel", "patel"), ("Petrov", "petrov"), ("Quiroga", "quiroga"), ("Rahman", "rahman"),
    ("Rossi", "rossi"), ("Santos", "santos"), ("Schmidt", "schmidt"), ("Silva", "silva"), ("Tanaka", "tanaka"),
    ("Thompson", "thompson"), ("Ueda", "ueda"), ("Vasquez", "vasquez"), ("Weber", "weber"), ("Yilmaz", "yilmaz"),
    ("Zhou", "zhou"),
)  # fmt: skip
TITLES = (
    "Customer Success Manager", "VP of Sales & Ops / EMEA", "Head of IT", "Data Analyst", "Product Owner",
    "Operations Manager", "Support Engineer", "Chief Information Officer", "Marketing Lead", "Solutions Architect",
    "Director, R&D", "Business Analyst", "Platform Engineer", "Training Specialist", "Account Administrator",
)  # fmt: skip
ROLES = ("Administrator", "Decision Maker", "Champion", "End User", "Executive Sponsor", "Influencer")
DEPARTMENTS = ("Customer Success", "Engineering", "Finance", "IT", "Marketing", "Operations", "Sales", "Support")
REGIONS = ("AMER", "APAC", "EMEA", "LATAM")
PLACES = (
    ("Germany", "Berlin", "Europe/Berlin"), ("France", "Lyon", "Europe/Paris"), ("Spain", "Málaga", "Europe/Madrid"),
    ("United Kingdom", "Leeds", "Europe/London"), ("United States", "Austin", "America/Chicago"),
    ("United States", "Boston", "America/New_York"), ("Canada", "Toronto", "America/Toronto"),
    ("Brazil", "São Paulo", "America/Sao_Paulo"), ("Japan", "Osaka", "Asia/Tokyo"), ("India", "Pune", "Asia/Kolkata"),
    ("Australia", "Perth", "Australia/Perth"), ("Kenya", "Nairobi", "Africa/Nairobi"),
    ("Netherlands", "Utrecht", "Europe/Amsterdam"), ("Poland", "Kraków", "Europe/Warsaw"),
)  # fmt: skip
COMPANY_FIRST = (
    "Northwind", "Bluefin", "Cobalt", "Harbor", "Juniper", "Keystone", "Lumen", "Meridian", "Oakline", "Pinnacle",
    "Quarry", "Riverton", "Saffron", "Tidewater", "Umber", "Vantage", "Willow", "Zephyr", "Alder", "Beacon", "Cinder",
    "Dovetail", "Ember", "Foxglove", "Granite", "Heron", "Ironwood", "Jasper", "Kestrel", "Larkspur",
)  # fmt: skip
COMPANY_SECOND = (
    "Robotics", "Foods", "Logistics", "Health", "Energy", "Textiles", "Software", "Optics", "Mobility", "Insurance",
    "Materials", "Learning", "Retail", "Analytics", "Marine", "Dynamics", "Studios", "Biotech", "Telecom", "Systems",
)  # fmt: skip
SENTENCES = (
    "I look after our rollout and love a clean dashboard.", "Ten years in support, two in data.",
    "Ask me about onboarding at scale.", "Happy to help newcomers.", "Coffee, charts and cycling.",
)  # fmt: skip
