"""What the lifecycle benchmark talks about: relations of work and life, how they are said, changed and asked for, and their values.

A slot is four kinds of lines. `=` says it, `>` says that it changed, `?` asks for it, `*` is what an agent concludes from it;
alternatives stand between ` / `. In a line {s} is the subject (Marta, I, the Heron server), {p} its possessive, {o} its object form,
{v} the value; [does|do] gives the form for others and for the speaker. Every sentence here was written for this file.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass


def listed(text: str) -> tuple[str, ...]:
    """The items of a text that commas part."""
    return tuple(item.strip() for item in text.split(","))


TABLE = """
home | person | home town | city
= {s} [lives|live] in {v} / {p} flat is in {v} / home for {o} is {v}
> {s} [has|have] moved to {v} / {s} just relocated to {v} / {s} [lives|live] in {v} now
? Where [does|do] {s} live? / Which town [does|do] {s} live in? / What is {p} home town?
* the parcel for {o} has to go to the {v} depot / a courier that serves {v} is needed for {o}
employer | person | employer | firm
= {s} [works|work] for {v} / {s} [has|have] a job at {v} / {p} employer is {v}
> {s} left for a new job at {v} / {s} [has|have] switched jobs and [is|am] with {v} now / since this week {s} [works|work] for {v}
? Who [does|do] {s} work for? / What is {p} employer? / Which company [is|am] {s} employed by?
* the reference letter should be addressed to {v} / expenses of {o} are to be billed to {v}
role | person | job title | role
= {s} [is|am] a {v} / {s} [works|work] as a {v} / {p} job title is {v}
> {s} [has|have] been made {v} / {p} job title changed to {v} / {s} [works|work] as a {v} these days
? What is {p} job title? / What [does|do] {s} work as? / In what role [does|do] {s} work?
* the badge of {o} should read {v} / the {v} handbook applies to {o}
manager | person | manager | name
= {p} manager is {v} / {s} [reports|report] to {v} / {v} is {p} boss
> {p} new manager is {v} / {s} [reports|report] to {v} from now on / {v} has taken over as {p} manager
? Who is {p} manager? / Who [does|do] {s} report to? / Who is {p} boss?
* leave requests of {o} go to {v} / {v} must sign the review of {o}
partner | person | dance partner | name
= {p} dance partner is {v} / {s} [dances|dance] with {v} / {v} is the one {s} [dances|dance] with
> {p} new dance partner is {v} / {s} [dances|dance] with {v} now / {p} dance partner changed to {v}
? Who is {p} dance partner? / Who [does|do] {s} dance with?
* the couple on the list is {o} with {v} / {v} needs the ticket that goes with the one of {o}
pet | person | dog's name | petname
= {p} dog is called {v} / {s} [has|have] a dog named {v} / the name of {p} dog is {v}
> {p} dog is called {v} now / {s} renamed the dog {v} / {p} dog goes by {v} these days
? What is {p} dog called? / What is the name of {p} dog?
* the dog tag of {o} should say {v} / {v} goes on the kennel form of {o}
car | person | car | car
= {s} [drives|drive] a {v} / {p} car is a {v} / the car that {s} [owns|own] is a {v}
> {s} traded the car in for a {v} / {s} now [drives|drive] a {v} / {p} new car is a {v}
? What car [does|do] {s} drive? / Which car [does|do] {s} own? / What is {p} car?
* the parking permit of {o} is for a {v} / winter tyres for a {v} are needed for {o}
allergy | person | allergy | food
= {s} [is|am] allergic to {v} / {p} allergy is to {v} / {s} [has|have] an allergy to {v}
> {p} allergy is to {v} now, the old one is gone / {p} allergy changed to {v} / the allergy {s} [has|have] these days is to {v}
? What [is|am] {s} allergic to? / What is {p} allergy?
* the canteen must leave {v} out for {o} / the menu of {o} needs to be free of {v}
diet | person | breakfast | food
= {s} [has|have] {v} for breakfast / {p} usual breakfast is {v} / breakfast for {o} means {v}
> {s} switched to {v} for breakfast / {p} breakfast is {v} now / these days {s} [has|have] {v} for breakfast
? What [does|do] {s} have for breakfast? / What is {p} usual breakfast?
* the hotel should put out {v} for {o} / the shopping list of {o} needs {v}
phone | person | phone extension | four
= {p} phone extension is {v} / {s} can be reached on extension {v} / the extension for {o} is {v}
> {p} extension changed to {v} / {p} new phone extension is {v} / {s} can now be reached on extension {v}
? What is {p} phone extension? / On which extension can {s} be reached?
* calls for {o} should be put through to {v} / the directory entry of {o} should show {v}
desk | person | desk | room
= {p} desk is {v} / {s} [sits|sit] at desk {v} / you find {p} desk at {v}
> {s} moved to desk {v} / {p} desk is {v} now / {p} new desk is {v}
? What is {p} desk? / At which desk [does|do] {s} sit?
* the new monitor for {o} is to be delivered to {v} / facilities must label {v} for {o}
school | person | evening class | course
= {s} [takes|take] an evening class in {v} / {p} evening class is {v} / in the evenings {s} [learns|learn] {v}
> {s} changed to the evening class in {v} / {p} evening class is {v} now / {s} dropped the old course and [takes|take] {v}
? What evening class [does|do] {s} take? / What is {p} evening class?
* the textbook for {o} is the one on {v} / {o} should be put on the list for {v}
instrument | person | instrument | instrument
= {s} [plays|play] the {v} / {p} instrument is the {v} / in the band {s} [plays|play] the {v}
> {s} switched to the {v} / {s} now [plays|play] the {v} / {p} instrument is the {v} now
? What instrument [does|do] {s} play? / What is {p} instrument?
* the stage needs a microphone for the {v} of {o} / a case for a {v} should be packed for {o}
doctor | person | dentist | doctor
= {p} dentist is {v} / {s} [goes|go] to {v} for dental work / the dentist that {s} [sees|see] is {v}
> {p} new dentist is {v} / {s} changed dentists and [goes|go] to {v} / {p} dentist is {v} now
? Who is {p} dentist? / Which dentist [does|do] {s} go to?
* the records of {o} must be sent to {v} / the bill for {o} will come from {v}
dose | person | tablet dosage | dose
= {s} [takes|take] {v} milligrams of the tablets a day / {p} tablet dosage is {v} milligrams / the daily dose for {o} is {v} milligrams
> {p} dosage was changed to {v} milligrams / {p} tablet dosage is {v} milligrams now / the doctor put {o} on {v} milligrams a day
? What is {p} tablet dosage? / How many milligrams [does|do] {s} take a day?
* the pill box of {o} is to be filled with {v} milligrams a day / the pharmacy must stock {v} milligram tablets for {o}
shoe | person | shoe size | size
= {p} shoe size is {v} / {s} [wears|wear] size {v} shoes / in shoes {s} [takes|take] a {v}
> {p} shoe size is {v} now / {s} [needs|need] shoes in size {v} these days / {p} shoe size changed to {v}
? What is {p} shoe size? / What size of shoes [does|do] {s} wear?
* the safety boots for {o} are to be ordered in {v} / rental skis of {o} must fit boots of size {v}
colour | person | favourite colour | colour
= {p} favourite colour is {v} / the colour {s} [likes|like] best is {v} / {s} [prefers|prefer] {v} to every other colour
> {p} favourite colour is {v} now / these days the colour {s} [likes|like] best is {v} / {p} new favourite colour is {v}
? What is {p} favourite colour? / Which colour [does|do] {s} like best?
* the gift for {o} should be wrapped in {v} / the mug for {o} should be {v}
dish | person | favourite dish | dish
= {p} favourite dish is {v} / the dish {s} [likes|like] best is {v} / nothing beats {v} for {o}
> {p} favourite dish is {v} now / {p} new favourite dish is {v} / these days the dish {s} [likes|like] best is {v}
? What is {p} favourite dish? / Which dish [does|do] {s} like best?
* the birthday dinner for {o} should be {v} / the restaurant for {o} must serve {v}
hobby | person | hobby | hobby
= {p} hobby is {v} / {s} [spends|spend] the weekends on {v} / in {p} free time it is all {v}
> {p} new hobby is {v} / {s} took up {v} instead / {p} hobby is {v} now
? What is {p} hobby? / What [does|do] {s} spend the weekends on?
* the voucher for {o} should be for {v} / a magazine about {v} would suit {o}
gym | person | gym night | day
= {p} gym night is {v} / {s} [goes|go] to the gym on {v} / {v} is when {s} [goes|go] to the gym
> {p} gym night moved to {v} / {p} gym night is {v} now / {s} now [goes|go] to the gym on {v}
? What is {p} gym night? / On which day [does|do] {s} go to the gym?
* dinner with {o} can be any night but {v} / the babysitter is needed on {v} for {o}
train | person | morning train | clock
= {s} [takes|take] the {v} train / {p} morning train leaves at {v} / the train for {o} is the one at {v}
> {s} now [takes|take] the {v} train / {p} morning train leaves at {v} now / {p} train was moved to {v}
? Which train [does|do] {s} take? / When does {p} morning train leave?
* the taxi for {o} must reach the station before {v} / a seat on the {v} is to be reserved for {o}
bank | person | bank | bank
= {s} [banks|bank] with {v} / {p} bank is {v} / {p} account is at {v}
> {s} moved the account to {v} / {p} bank is {v} now / {s} now [banks|bank] with {v}
? What is {p} bank? / Which bank [does|do] {s} bank with?
* the salary of {o} is to be wired to {v} / the mandate of {o} must name {v}
insurer | person | insurer | firm
= {p} insurer is {v} / {s} [is|am] insured with {v} / {p} policy is with {v}
> {s} changed insurer to {v} / {p} new insurer is {v} / {s} [is|am] now insured with {v}
? Who is {p} insurer? / Who [is|am] {s} insured with?
* the claim of {o} must be filed with {v} / the form of {o} goes to {v}
flatmate | person | flatmate | name
= {p} flatmate is {v} / {s} [shares|share] the flat with {v} / {v} shares a flat with {o}
> {p} new flatmate is {v} / {p} flatmate is {v} now / {s} now [shares|share] the flat with {v}
? Who is {p} flatmate? / Who [does|do] {s} share the flat with?
* the second key of {o} is for {v} / {v} has to be on the lease of {o}
hotel | person | hotel | place
= {s} [is|am] staying at the {v} / {p} hotel is the {v} / the hotel for {o} is the {v}
> {s} changed hotels to the {v} / {p} hotel is the {v} now / {s} [is|am] now staying at the {v}
? Which hotel [is|am] {s} staying at? / What is {p} hotel?
* the shuttle for {o} stops at the {v} / flowers for {o} should be sent to the {v}
budget | thing | budget | money
= the budget of {s} is {v} euros / {s} has a budget of {v} euros / {p} budget is {v} euros
> the budget of {s} was changed to {v} euros / {p} budget is {v} euros now / {s} has {v} euros to spend from now on
? What is the budget of {s}? / How many euros may {s} spend? / How large is {p} budget?
* orders for {s} are capped at {v} euros / the plan for {s} has to fit {v} euros
deadline | thing | deadline | date
= the deadline of {s} is {v} / {s} is due on {v} / {p} deadline is {v}
> the deadline of {s} was moved to {v} / {p} deadline is {v} now / {s} is now due on {v}
? When is {s} due? / What is the deadline of {s}? / What is {p} deadline?
* the reviewers of {s} must be free before {v} / the freeze for {s} starts before {v}
room | thing | room | room
= {s} is in room {v} / {p} room is {v} / for {s} we have room {v}
> {s} has moved to room {v} / {p} room is {v} now / {s} now takes place in room {v}
? Which room is {s} in? / What is {p} room?
* the projector for {s} should be brought to {v} / signs for {s} should point to {v}
supplier | thing | supplier | firm
= the supplier for {s} is {v} / {v} supplies {s} / {p} supplier is {v}
> the supplier for {s} is {v} now / {p} new supplier is {v} / {v} has taken over as supplier for {s}
? Who is the supplier for {s}? / Who supplies {s}? / What is {p} supplier?
* the purchase order for {s} goes to {v} / spare parts for {s} have to be ordered at {v}
oncall | thing | on-call person | name
= the on-call person for {s} is {v} / {v} is on call for {s} / {p} on-call person is {v}
> {v} is now on call for {s} / {p} on-call person is {v} now / the on-call person for {s} changed to {v}
? Who is on call for {s}? / Who is the on-call person for {s}?
* alarms of {s} must page {v} / {v} gets the pager for {s}
port | thing | port | port
= {s} listens on port {v} / {p} port is {v} / the port of {s} is {v}
> {s} was moved to port {v} / {p} port is {v} now / {s} listens on port {v} from now on
? Which port does {s} listen on? / What is the port of {s}?
* the firewall rule for {s} must open {v} / the health check of {s} has to call {v}
owner | thing | owner | name
= the owner of {s} is {v} / {v} owns {s} / {p} owner is {v}
> the owner of {s} is {v} now / {v} has taken over {s} / {p} new owner is {v}
? Who owns {s}? / Who is the owner of {s}?
* questions about {s} should be sent to {v} / {v} must approve changes to {s}
hours | thing | opening time | clock
= {s} opens at {v} / {p} opening time is {v} / the doors of {s} open at {v}
> {s} now opens at {v} / {p} opening time was changed to {v} / {p} opening time is {v} now
? When does {s} open? / What is {p} opening time?
* the first shift at {s} starts before {v} / deliveries to {s} cannot come before {v}
meeting | thing | meeting day | day
= {s} meets on {v} / {p} meeting day is {v} / the meeting day of {s} is {v}
> {s} now meets on {v} / {p} meeting day moved to {v} / {p} meeting day is {v} now
? On which day does {s} meet? / What is the meeting day of {s}?
* the notes for {s} must be ready before {v} / the room for {s} is blocked every {v}
version | thing | version | version
= {s} runs version {v} / {p} version is {v} / the version of {s} is {v}
> {s} was upgraded to version {v} / {p} version is {v} now / {s} now runs version {v}
? Which version does {s} run? / What is the version of {s}?
* the patch for {s} must target {v} / the docs of {s} have to say {v}
price | thing | ticket price | price
= a ticket for {s} costs {v} euros / {p} ticket price is {v} euros / the ticket price of {s} is {v} euros
> a ticket for {s} now costs {v} euros / {p} ticket price was changed to {v} euros / {p} ticket price is {v} euros now
? What does a ticket for {s} cost? / What is {p} ticket price?
* the till of {s} has to charge {v} euros / the flyer of {s} must print {v} euros
colourthing | thing | paint colour | colour
= {s} is painted {v} / {p} paint colour is {v} / the paint on {s} is {v}
> {s} was repainted {v} / {p} paint colour is {v} now / the paint on {s} is {v} now
? What colour is {s} painted? / What is {p} paint colour?
* touch-up paint for {s} has to be {v} / the catalogue must show {s} in {v}
seats | thing | number of seats | two
= {s} has {v} seats / {p} number of seats is {v} / there are {v} seats for {s}
> {s} now has {v} seats / {p} number of seats is {v} now / {p} number of seats was changed to {v}
? How many seats does {s} have? / What is {p} number of seats?
* catering for {s} is to be ordered for {v} / {v} lanyards are needed for {s}
code | thing | door code | four
= the door code of {s} is {v} / {p} door code is {v} / to get into {s} you type {v}
> the door code of {s} was changed to {v} / {p} door code is {v} now / {p} new door code is {v}
? What is the door code of {s}? / What is {p} door code?
* the cleaners of {s} have to be told {v} / the key sheet of {s} should list {v}
speaker | thing | keynote speaker | name
= the keynote speaker of {s} is {v} / {v} gives the keynote at {s} / {p} keynote speaker is {v}
> the keynote speaker of {s} is {v} now / {p} new keynote speaker is {v} / {v} now gives the keynote at {s}
? Who is the keynote speaker of {s}? / Who gives the keynote at {s}?
* the poster of {s} has to show {v} / a train ticket to {s} is needed for {v}
venue | thing | venue | place
= {s} is held at the {v} / {p} venue is the {v} / the venue of {s} is the {v}
> {s} was moved to the {v} / {p} venue is the {v} now / {s} is now held at the {v}
? Where is {s} held? / What is the venue of {s}?
* the vans for {s} have to unload at the {v} / the map for {s} should mark the {v}
pump | thing | target pressure | three
= the target pressure of {s} is {v} kilopascals / {s} is set to {v} kilopascals / {p} target pressure is {v} kilopascals
> the target pressure of {s} was changed to {v} kilopascals / {p} target pressure is {v} kilopascals now / {s} was reset to {v} kilopascals
? What is the target pressure of {s}? / To how many kilopascals is {s} set?
* the relief valve of {s} must open above {v} / the log sheet of {s} has to show {v}
language | thing | working language | language
= the working language of {s} is {v} / {s} works in {v} / {p} working language is {v}
> the working language of {s} is {v} now / {s} switched to {v} / {p} working language changed to {v}
? What is the working language of {s}? / Which language does {s} work in?
* the minutes of {s} have to be written in {v} / an interpreter for {v} is needed at {s}
backup | thing | backup hour | clock
= the backup of {s} runs at {v} / {p} backup hour is {v} / {s} is backed up at {v}
> the backup of {s} was moved to {v} / {p} backup hour is {v} now / {s} is now backed up at {v}
? When does the backup of {s} run? / What is {p} backup hour? / When is {s} backed up?
* no job may run on {s} at {v} / the tape for {s} must be in before {v}
"""

PEOPLE = listed("""Marta, Jonas, Ines, Pavel, Greta, Omar, Linnea, Tomas, Bianca, Rafael, Noemi, Viktor, Carla, Stefan, Amira, Dirk,
Elena, Hugo, Sabine, Kenji, Leila, Bruno, Petra, Yusuf, Agnes, Milos, Freya, Diego, Hanna, Oskar""")
NAMES = listed("""Anselm, Birgit, Casimir, Delphine, Edda, Falko, Gudrun, Henrike, Isidor, Jolanda, Kasper, Ludmila, Magnus, Nadine,
Ottilie, Perrin, Quirin, Roswitha, Severin, Thekla, Ulrich, Valeska, Wendel, Xaver, Yvette, Zacharias, Alrun, Benno,
Clothilde, Dankwart""")
CITIES = listed("""Lisbon, Tromso, Ghent, Porto, Riga, Verona, Aarhus, Split, Cork, Graz, Leipzig, Malmo, Nantes, Oviedo, Plovdiv,
Tartu, Utrecht, Vilnius, Wroclaw, Zadar, Bergen, Calgary, Durban, Fukuoka, Hobart""")
FIRST = listed("""Blue, Silver, North, Amber, Stone, Maple, River, Cedar, Falcon, Harbor, Summit, Copper""")
SECOND = listed("""Heron, Anchor, Lantern, Mill, Compass, Orchard, Bridge, Kettle, Meadow, Saddle, Thistle, Quarry""")
ENDS = listed("""Logistics, Foods, Systems, Textiles, Instruments, Partners, Motors, Paper, Optics, Freight""")
WORDS = {
    "role": "welder,auditor,archivist,paralegal,cartographer,dispatcher,sommelier,surveyor,translator,machinist,florist,actuary,glazier",
    "petname": "Biscuit,Pixel,Tofu,Waffles,Comet,Nugget,Pepper,Ziggy,Mango,Bolt,Clover,Domino,Truffle",
    "car": "Volvo V60,Skoda Octavia,Fiat Panda,Mazda 3,Dacia Duster,Toyota Yaris,Opel Corsa,Peugeot 208,Seat Leon,Kia Ceed,Saab 900",
    "food": "peanuts,shellfish,oat porridge,walnuts,rye bread,sesame,lupin,mustard,celery,soy yogurt,rice pudding,kiwi,apricots",
    "course": "pottery,Portuguese,calligraphy,first aid,bookbinding,woodturning,Finnish,watercolour,accounting,upholstery,sign language",
    "instrument": "cello,trombone,accordion,oboe,mandolin,bassoon,harp,clarinet,banjo,viola,xylophone",
    "dish": "lasagne,ramen,moussaka,goulash,paella,dal,pierogi,bibimbap,tagine,schnitzel,gumbo,risotto",
    "colour": "teal,crimson,ochre,turquoise,lavender,olive,maroon,indigo,beige,magenta,ivory",
    "hobby": "beekeeping,fencing,origami,kayaking,birdwatching,archery,geocaching,quilting,rowing,astronomy,juggling",
    "day": "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday",
    "language": "French,Danish,Spanish,Polish,Italian,Turkish,Dutch,Korean,Greek,Czech",
    "size": "36,37,38,39,40,41,42,43,44,45,46",
    "dose": "15,25,30,45,60,75,90,120,150,180,225",
}
THINGS = {
    "budget": "project,workshop,campaign",
    "deadline": "report,audit,grant proposal,migration",
    "room": "seminar,training,workshop",
    "supplier": "bakery,workshop,printing press",
    "oncall": "cluster,database,gateway",
    "port": "server,gateway,database",
    "owner": "dashboard,repository,pipeline",
    "hours": "library,bakery,museum,clinic",
    "meeting": "committee,reading group,council",
    "version": "server,firmware,plugin",
    "price": "festival,museum,exhibition",
    "colourthing": "ferry,shed,tram",
    "seats": "minibus,auditorium,ferry",
    "code": "warehouse,annex,archive",
    "speaker": "conference,symposium,festival",
    "venue": "conference,symposium,fair",
    "pump": "pump,boiler,compressor",
    "language": "committee,council,project",
    "backup": "database,file server,archive",
}
CHATTER = """the printer on the second floor is jammed again / thanks, that was quick / could you remind me to water the plants /
the coffee machine is finally fixed / it has been raining since dawn / what a week that was / let us talk about the newsletter later /
someone left an umbrella at the reception / the lift is slow today / I will be away from my keyboard for an hour /
the window seat is the best one / sorry for the late reply / the demo went fine / no news about the heating /
somebody should tidy the shared drive / the fire drill was short this time / I found the missing stapler /
the intern did a great job on the slides / lunch was excellent / the neighbours are renovating again"""
CHATS = tuple(line.strip() for line in CHATTER.replace("\n", " ").split(" / "))
TASKS = listed("""the tram shed inspection, the autumn mailing, the shelf plan, the volunteer roster, the packing list,
the visitor pass, the invoice run, the seating chart, the handover sheet, the spare key, the wall calendar,
the delivery slip, the phone tree, the name card, the training pack, the stock sheet, the welcome letter,
the cleaning plan, the road map, the print order, the evacuation drill, the picnic basket""")


@dataclass(frozen=True, slots=True)
class Slot:
    """A relation: whose it is (person or thing), what it is called, how it is said, changed, asked and drawn on."""

    name: str
    about: str  # person or thing
    noun: str
    values: str  # the kind of its values, see `value`
    says: tuple[str, ...]
    changes: tuple[str, ...]
    asks: tuple[str, ...]
    concludes: tuple[str, ...]


def _slots() -> dict[str, Slot]:
    found: dict[str, Slot] = {}
    lines = [line for line in TABLE.strip().splitlines() if line]
    for start in range(0, len(lines), 5):
        name, about, noun, values = (part.strip() for part in lines[start].split("|"))
        parts = [tuple(part.strip() for part in line[1:].split(" / ")) for line in lines[start + 1 : start + 5]]
        found[name] = Slot(name, about, noun, values, parts[0], parts[1], parts[2], parts[3])
    return found


SLOTS = _slots()


def _firm(chance: random.Random) -> str:
    return f"{chance.choice(FIRST)} {chance.choice(SECOND)} {chance.choice(ENDS)}"


MADE: dict[str, Callable[[random.Random], str]] = {
    "city": lambda chance: chance.choice(CITIES),
    "firm": _firm,
    "name": lambda chance: chance.choice(NAMES),
    "doctor": lambda chance: f"Doctor {chance.choice(NAMES)}",
    "bank": lambda chance: f"{chance.choice(FIRST)} {chance.choice(SECOND)} Bank",
    "place": lambda chance: f"{chance.choice(FIRST)} {chance.choice(SECOND)} {chance.choice(['Inn', 'Lodge', 'Hall', 'House'])}",
    "two": lambda chance: str(chance.randrange(11, 99)),
    "three": lambda chance: str(chance.randrange(110, 990)),
    "four": lambda chance: str(chance.randrange(2100, 9990)),
    "port": lambda chance: str(chance.randrange(3000, 65000)),
    "price": lambda chance: f"{chance.randrange(7, 95)}.{chance.choice(['50', '20', '90', '75'])}",
    "money": lambda chance: f"{chance.randrange(3, 98)},{chance.randrange(1, 10)}00",
    "clock": lambda chance: f"{chance.randrange(5, 23):02}:{chance.randrange(1, 60):02}",
    "date": lambda chance: f"{chance.choice(['January', 'February', 'April', 'June', 'July', 'October'])} {chance.randrange(4, 21)}th",
    "room": lambda chance: f"{chance.choice('ABCDEFGH')}-{chance.randrange(101, 699)}",
    "version": lambda chance: f"{chance.randrange(2, 30)}.{chance.randrange(1, 40)}.{chance.randrange(0, 20)}",
}


def value(kind: str, chance: random.Random) -> str:
    """A value of that kind; numbers are made, words drawn from the lists above."""
    return MADE[kind](chance) if kind in MADE else chance.choice(listed(WORDS[kind]))
