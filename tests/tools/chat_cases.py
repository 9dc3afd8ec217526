# SPDX-License-Identifier: MIT
"""Chat templates and variables to render: the forms that well-known models' templates have, in words of our own, and
one small template for each thing that the language can do."""
import random

LLAMA2 = """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must take turns: user, assistant, user, ...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"""
LLAMA3 = """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"""
LLAMA31 = """{{- bos_token }}
{%- if custom_tools is defined %}
    {%- set tools = custom_tools %}
{%- endif %}
{%- if not tools_in_user_message is defined %}
    {%- set tools_in_user_message = true %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "1 Jan 2020" %}
    {%- endif %}
{%- endif %}
{%- if not tools is defined %}
    {%- set tools = none %}
{%- endif %}

{#- The system's message comes first, so that it can be cut off. #}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: shell\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{%- if tools is not none and not tools_in_user_message %}
    {{- "Functions:\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- if tools_in_user_message and not tools is none %}
    {%- if messages | length != 0 %}
        {%- set first_user_message = messages[0]['content']|trim %}
        {%- set messages = messages[1:] %}
    {%- else %}
        {{- raise_exception("no first message to put the tools into") }}
{%- endif %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first_user_message + "<|eot_id|>"}}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {{- '"parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
        {{- "<|eot_id|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""
MISTRAL = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("after an optional system message the roles must take turns") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}

{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is defined and tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}
                    {{- ", " }}
                {%- else %}
                    {{- "]" }}
                {%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
            {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool" %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content|string + "}[/TOOL_RESULTS]" }}
    {%- else %}
        {{- raise_exception("only user, assistant and tool roles are known") }}
    {%- endif %}
{%- endfor %}
"""
QWEN2 = """{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe brief.<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
QWEN3 = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in content %}
                {%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}
                    {{- '\\n' }}
                {%- endif %}
                {%- if tool_call.function %}
                    {%- set tool_call = tool_call.function %}
                {%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- tool_call.name }}
                {{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}
                    {{- tool_call.arguments }}
                {%- else %}
                    {{- tool_call.arguments | tojson }}
                {%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}
        {{- content }}
        {{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
GEMMA = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role here') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must take turns') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"""
GEMMA3 = """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '

' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '

' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("roles must take turns") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '
' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("unknown content") }}
    {%- endif -%}
    {{ '<end_of_turn>
' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model
'}}
{%- endif -%}
"""
PHI3 = """{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\n' + message['content'] + '<|end|>\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\n' + message['content'] + '<|end|>\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"""
ZEPHYR = """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>
' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>
'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}"""
CHATML = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""
HERMES = """{%- macro json_to_python_type(json_spec) %}
{%- set basic_type_map = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool"
} %}
{%- if basic_type_map[json_spec.type] is defined %}
    {{- basic_type_map[json_spec.type] }}
{%- elif json_spec.type == "array" %}
    {{- "list[" +  json_to_python_type(json_spec|items) + "]"}}
{%- elif json_spec.type == "object" %}
    {%- if json_spec.additionalProperties is defined %}
        {{- "dict[str, " + json_to_python_type(json_spec.additionalProperties) + ']'}}
    {%- else %}
        {{- "dict" }}
    {%- endif %}
{%- elif json_spec.type is iterable %}
    {{- "Union[" }}
    {%- for t in json_spec.type %}
      {{- json_to_python_type({"type": t}) }}
      {%- if not loop.last %}
        {{- "," }}
    {%- endif %}
    {%- endfor %}
    {{- "]" }}
{%- else %}
    {{- "Any" }}
{%- endif %}
{%- endmacro %}
{{- bos_token }}
{{- '<|im_start|>system\\n' }}
{%- for tool in tools or [] %}
    {%- if tool.function is defined %}
        {%- set tool = tool.function %}
    {%- endif %}
    {{- tool.name + '(' }}
    {%- for param_name, param_fields in tool.parameters.properties|items %}
        {{- param_name + ": " + json_to_python_type(param_fields) }}
        {%- if not loop.last %}
            {{- ", " }}
        {%- endif %}
    {%- endfor %}
    {{- ") - " + tool.description + "\\n" }}
    {%- for param_name, param_fields in tool.parameters.properties|dictsort %}
        {{- "  " ~ loop.index ~ ". " ~ param_name|upper ~ ": " ~ (param_fields.description or 'none')|replace("a", "o") }}
    {%- endfor %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.role == "user" or message.role == "system" %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- generation %}{{- message.content }}{%- endgeneration %}
    {%- endif %}
{%- endfor %}
"""
TEMPLATES = {"llama-2": LLAMA2, "llama-3": LLAMA3, "llama-3.1": LLAMA31, "mistral": MISTRAL, "qwen2": QWEN2, "qwen3": QWEN3, "gemma": GEMMA,
             "gemma-3": GEMMA3, "phi-3": PHI3, "zephyr": ZEPHYR, "chatml": CHATML, "hermes": HERMES}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather \"now\" in a place.", "return": "text", "parameters": {"type": "object", "properties": {
    "place": {"type": "string", "description": "a town"}, "days": {"type": ["integer", "boolean"]}, "map": {"type": "object", "additionalProperties": {"type": "number"}}, "x": {"type": "object"}, "y": {"type": "odd"}}, "required": ["place"]}}},
    {"type": "function", "function": {"name": "ping", "description": "é ☃ <&>", "parameters": {"type": "object", "properties": {}}}}]
CONTENTS = ["Hello", " padded \n", "line\nline\n", "", "naïve ☃ 𝄞", "{{ not a tag }} {% nor this %}", "it's \"quoted\" \\n", "<think>\nwhy\n</think>\n\nbecause", "\ttabs\t", "<tool_response>x</tool_response>"]

# Each alone; {"messages": MESSAGES, ...} are the variables.
LANGUAGE = r"""
{{ 1 + 2 * 3 - 4 // 3 }} {{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ 1.5 * 2 }} {{ 7.0 // 2 }}
{{ 1e3 }} {{ 1e16 }} {{ 1.0e-5 }} {{ 0.1 + 0.2 }} {{ 1_000 }} {{ 100.0 }} {{ 1e22 }} {{ 123456789012345680.0 }} {{ 0.0001 }} {{ 3.14e100 }}
{{ "a" "b" 'c' }} {{ "a" ~ 1 ~ none ~ true ~ 1.0 ~ missing }} {{ "ab" * 3 }} {{ [1, 2] * 2 }} {{ [1] + [2] }} {{ (1, 2) + (3,) }} {{ "x" + "y" }}
{{ "\n|\t|\\|\x41|\u00e9|\U0001F600|\'|\"|\q|\101" }}
{{ [1, "a", none, true, 1.5, {"k": [1]}, (1,), (1, 2), ()] }} {{ {"a": 'it\'s', 1: 2, "q": "\"both\"'"} }} {{ ["\n\t\x07é"] }}
{{ true and 3 }} {{ false or "x" }} {{ not none }} {{ 0 or [] or "" or {} }} {{ 1 and missing }} {{ not 1 == 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 3 > 2 >= 2 != 1 }}
{{ 1 == 1.0 }} {{ true == 1 }} {{ "1" == 1 }} {{ [1, 2] == [1, 2] }} {{ (1,) == [1] }} {{ {"a": 1, "b": 2} == {"b": 2, "a": 1} }} {{ none == false }} {{ missing == missing2 }}
{{ 1 in [1, 2] }} {{ "a" in "cat" }} {{ "k" in {"k": 1} }} {{ 3 not in [1] }} {{ "x" in missing }} {{ not 1 in [1] }}
{{ "a" if 1 else "b" }} {{ "a" if 0 }} {{ ("a" if 0 else "b") + "c" }} {{ 1 if 0 else 2 if 0 else 3 }}
{{ x is defined }} {{ messages is defined }} {{ x is not defined }} {{ none is none }} {{ 1 is number }} {{ true is number }} {{ true is integer }} {{ 1 is integer }} {{ 1.0 is float }} {{ "a" is string }}
{{ [] is iterable }} {{ "a" is iterable }} {{ 1 is iterable }} {{ {} is mapping }} {{ [] is mapping }} {{ [] is sequence }} {{ 1 is sequence }} {{ {} is sequence }} {{ x is iterable }} {{ true is boolean }} {{ 1 is true }} {{ true is true }} {{ false is false }}
{{ 3 is odd }} {{ 4 is even }} {{ 6 is divisibleby 3 }} {{ 6 is divisibleby(4) }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 1 is ne 2 }} {{ 2 is gt 1 }} {{ 2 is lt(1) }} {{ 2 is ge 2 }} {{ 1 is in [1, 2] }} {{ range is callable }} {{ 1 is callable }}
{{ messages[0].role }} {{ messages[0]["role"] }} {{ messages[-1].role }} {{ messages[9] }} {{ messages.0.role }} {{ messages[0].none }} {{ "abc"[1] }} {{ "aéb"[1] }} {{ "abc"[-1] }} {{ "abc"[7] }}
{{ [1,2,3,4][1:3] }} {{ [1,2,3][::-1] }} {{ "abcdef"[1:5:2] }} {{ [1,2,3][-2:] }} {{ [1,2,3][:-1] }} {{ "héé"[1:] }} {{ [1,2,3][5:] }} {{ [1,2,3,4,5][4:0:-2] }} {{ (1,2,3)[:2] }} {{ [1,2][-9:9] }} {{ [1,2,3][-9:1:-1] }} {{ [1,2,3][none:2] }}
{{ " a b ".strip() }}|{{ "xxaxx".strip("x") }}|{{ "  a".lstrip() }}|{{ "a \n".rstrip() }}|{{ "\u3000a\u00a0" | trim }}|{{ "xyaxy" | trim("xy") }}|{{ 12 | trim }}
{{ "a,b,c".split(",") }} {{ "a,b,c".split(",", 1) }} {{ " a  b ".split() }} {{ " a  b c ".split(none, 1) }} {{ "abc".split("x") }} {{ "".split() }} {{ "".split(",") }} {{ "a\nb\r\nc\n".splitlines() }} {{ "a-b".rsplit("-") }}
{{ "Hello".startswith("He") }} {{ "Hello".endswith(("x", "lo")) }} {{ "Hello".replace("l", "L") }} {{ "Hello".replace("l", "L", 1) }} {{ "ab".replace("", "-") }} {{ "hello".find("l") }} {{ "hello".rfind("l") }} {{ "héllo".find("l") }} {{ "hello".count("l") }} {{ "a".join(["1", "2"]) }}
{{ "hELLO wORLD-x".upper() }} {{ "ÉÀ".lower() }} {{ "hELLO".capitalize() }} {{ "hELLO wORLD's".title() }} {{ "hELLO wORLD-x (y) they're" | title }} {{ "straße" | upper }} {{ "éa" | capitalize }} {{ "prefix-x".removeprefix("prefix-") }} {{ "x.txt".removesuffix(".txt") }} {{ "12".isdigit() }} {{ "1a".isdigit() }} {{ "ab".isalpha() }} {{ " \n".isspace() }}
{{ {"a": 1, "b": 2}.items() | list }} {{ {"a": 1}.keys() | list }} {{ {"a": 1}.values() | list }} {{ {"a": 1}.get("a") }} {{ {"a": 1}.get("b") }} {{ {"a": 1}.get("b", 5) }} {{ [1, 2, 1].count(1) }} {{ [1, 2].index(2) }}
{{ "abc" | length }} {{ [1, 2] | length }} {{ {"a": 1} | count }} {{ missing | length }} {{ "héé" | length }} {{ [] | first }} {{ [1, 2] | first }} {{ [1, 2] | last }} {{ "abc" | first }} {{ "abc" | list }} {{ {"a": 1} | list }} {{ (1, 2) | list }}
{{ missing | default("d") }} {{ "" | default("d") }} {{ "" | default("d", true) }} {{ none | d("x", boolean=true) }} {{ missing | default }} {{ (missing.x is defined) if missing is defined else "no" }} {{ (missing or {}).x is defined }}
{{ [1, 2] | join }} {{ ["a", 1, none] | join(", ") }} {{ messages | join(",", attribute="role") }} {{ "abc" | join("-") }} {{ [1, 2, 3] | reverse | list }} {{ "abc" | reverse }} {{ [3, 1, 2] | sort }} {{ ["b", "A", "c"] | sort }} {{ ["b", "A"] | sort(case_sensitive=true) }} {{ [1, 2] | sort(reverse=true) }} {{ messages | sort(attribute="content") | map(attribute="content") | list }}
{{ [1, 2, 1, "a", "A"] | unique | list }} {{ [1, 2, 3] | sum }} {{ messages | map(attribute="role") | list }} {{ ["a", "b"] | map("upper") | join }} {{ [1, 0, 2] | select | list }} {{ [1, 2, 3] | select("odd") | list }} {{ [1, 2, 3] | reject("gt", 1) | list }} {{ messages | selectattr("role", "equalto", "user") | list | length }} {{ messages | rejectattr("role", "eq", "user") | map(attribute="role") | list }} {{ messages | selectattr("role") | list | length }} {{ [1, 5, 3] | max }} {{ [4, 2] | min }} {{ ["a", missing] | map("default", "z") | list }} {{ messages | map(attribute="x", default="none") | first }}
{{ "12" | int }} {{ "1.9" | int }} {{ "x" | int }} {{ "x" | int(7) }} {{ 3.7 | int }} {{ -3.7 | int }} {{ "1.5" | float }} {{ "x" | float }} {{ -3 | abs }} {{ 2.5 | round }} {{ 2.567 | round(2) }} {{ 1 | string }} {{ [1] | string }} {{ none | string }} {{ true | string }} {{ -1.5 | abs }} {{ true | int }} {{ none | int }}
{{ {"b": 1, "a": [1, 2.0, none, true, "x\"\n\u0001é/<&>'"]} | tojson }} {{ [] | tojson }} {{ {} | tojson }} {{ "x" | tojson }} {{ 1e20 | tojson }} {{ {1: 2, true: 3, none: 4} | tojson }} {{ (1, 2) | tojson }} {{ "é𝄞" | tojson(ensure_ascii=true) }} {{ {"b": 1, "a": 2} | tojson(sort_keys=true) }}
{{ {"a": [1, {"b": 2}], "c": {}, "d": []} | tojson(indent=2) }}|{{ {"a": 1} | tojson(indent=0) }}
{{ {"b": 1, "A": 2, "c": 0} | dictsort }} {{ {"b": 1, "a": 2} | dictsort(by="value") }} {{ {"b": 1, "a": 2} | dictsort(reverse=true) }} {{ {"x": 1} | items | list }} {{ missing | items | list }}
{{ "a\nb\n\nc" | indent }}|{{ "a\nb" | indent(2, true) }}|{{ "a\n\nb" | indent(1, blank=true) }}|{{ "a\nb\n" | indent }}
{{ "  x" | trim | upper | replace("X", "y") ~ "z" }} {{ -3 | abs }} {{ "a" ~ "b" | upper }} {{ 1 + "2" | int }} {{ "abc" | upper | length == 3 }} {{ not "a" | length }}
{% for i in range(3) %}{{ i }}{% endfor %} {% for i in range(1, 4) %}{{ i }}{% endfor %} {% for i in range(5, 0, -2) %}{{ i }}{% endfor %} {{ range(3) | list }} {% for i in [] %}x{% else %}empty{% endfor %}
{% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for k, v in {"x": 1}.items() %}{{ k }}={{ v }}{% endfor %}{% for k in {"x": 1, "y": 2} %}{{ k }}{% endfor %}{% for c in "aé" %}[{{ c }}]{% endfor %}{% for x in missing %}x{% endfor %}
{% for i in [1, 2, 3, 4] if i is even %}{{ loop.index }}/{{ loop.length }}:{{ i }}{{ "," if not loop.last }}{% endfor %}|{% for i in [5, 6] %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}
{% for i in [1, 2, 3] %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}|{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% else %}none{% endfor %}|{% for i in [1, 2] %}{% for j in [1, 2] %}{{ i }}{{ j }}{{ loop.index }}{% if j == 1 %}{% continue %}{% endif %};{% endfor %}{{ loop.index }}{% endfor %}
{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}
{% set ns = namespace(n=0, s="") %}{% for i in [1, 2, 3] %}{% set ns.n = ns.n + i %}{% set ns.s = ns.s ~ i %}{% endfor %}{{ ns.n }}{{ ns.s }}{{ ns.none }}{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = (1, 2) %}{{ t }}{% set t = 1, 2 %}{{ t }}
{% set x %}a{{ 1 }}b{% endset %}{{ x }}{{ x | length }}{% set y | upper | trim %} abc {% endset %}[{{ y }}]{% filter upper %}shout {{ "x" }}{% endfilter %}
{% macro m(a, b="d", c=none) %}<{{ a }}{{ b }}{{ c }}>{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(1, c=3) }}{{ m(b="x", a="y") }}{{ m() }}{{ m(1) | length }}{{ m("x") ~ "y" }}
{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}{% set g = 5 %}{% macro h() %}{{ g }}{{ messages | length }}{% endmacro %}{{ h() }}
{% if 0 %}a{% elif 1 %}b{% else %}c{% endif %}{% if missing %}a{% elif none %}b{% else %}c{% endif %}{% if [] %}a{% else %}b{% endif %}
{% raw %}{{ x }} {% if %}{% endraw %}|{% raw -%}  a  {%- endraw %}|{# comment #}|a {#- c -#} b
{{ dict(a=1, b=[2]) }} {{ dict({"x": 1}, y=2).y }} {{ namespace({"q": 3}).q }} {{ {"items": 1}["items"] }} {{ {"a": {"b": {"c": 5}}}.a.b.c }} {{ {"a": [{"b": 7}]}["a"][0].b }}
{{ (1, 2, 3) | length }} {{ {"a": 1, "a": 2} }} {{ {true: 1, 1: 2} }} {{ [[], [[]]] }} {{ "" }}{{ missing }}{{ none }}
{{ messages | tojson }} {{ messages[0] | tojson(indent=4) }} {{ messages[0].items() | list | length }} {{ messages[0] }}
{{ "{{" }} {{ "%}" }} {{ {"a": {"b": 1}} }} {{ {"a":{"b":1}}.a }} {{ '}}' ~ "{%" }}
{{ 9223372036854775807 }} {{ -9223372036854775807 - 1 }} {{ 5 % 3.5 }} {{ 1 if true else missing.x }} {{ "a" < "b" }} {{ [1, 2] < [1, 3] }} {{ "é" > "z" }} {{ 2 > 1.5 }}
{{- "strip" -}}   x   {{- "y" }}
"""
WHITESPACE = ["a\n{% if 1 %}\nb\n{% endif %}\nc\n", "a\n  {% if 1 %}  \n  b\n  {% endif %}\nc", "  {% if 1 %}x{% endif %}\n", "a {% if 1 %}x{% endif %} b", "{% if 1 %}\n\nx{% endif %}", "a\n{%- if 1 -%}\n  b\n{%- endif -%}\n c", "  {{ 1 }}\n{{ 2 }}\n",
              "a\n  {#- c #}\n b", "a\n  {# c #}\nb", "  {# c #}\nb", "a\n\t {%+ if 1 %}x{%+ endif %}\n", "{% if 1 +%}\nx{% endif +%}\n y", "a\r\nb\rc\r\n", "x\n\n", "\n", "", "{% set x = 1 %}\n{{ x }}", "{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}\nend",
              "{% raw %}\n  x\n{% endraw %}\ny", "a\n  {% raw %} x {% endraw %}  \ny", "{%- raw %} x {% endraw -%}  y", "{{ 1 -}}  \n  x", "x  \n  {{- 1 }}", "a{# x #}{# y #}\nb", " {% set a = 1 %} {% set b = 2 %} \n", "{% if 1 %}a{% endif %}\n\n{% if 1 %}b{% endif %}\n",
              "a\n \f{% if 1 %}b{% endif %}", "{% if 1 -%}\n\n\n x {%- endif %}", "\u00a0{% if 1 %}x{% endif %}", "  {%if 1%}x{%endif%}  ", "{#-#}x", "{% if 1 %}  \n{% endif %}x"]
# Errors here and there: something that no rendering can do.
WRONG = ["{{ 1 + }}", "{% if %}x{% endif %}", "{% if 1 %}x", "{{ x.y.z }}", "{{ missing.x }}", "{{ missing() }}", "{{ 1 + 'a' }}", "{{ [] + 1 }}", "{{ 1 / 0 }}", "{{ 'a' | nofilter }}", "{{ 1 is notest }}", "{% unknown %}", "{{ 'abc }}", "{{ (1 }}", "{{ 1 ) }}", "{% for %}{% endfor %}",
         "{% endif %}", "{{ raise_exception('no') }}", "{{ messages.append(1) }}", "{% set x.y = 1 %}", "{{ 1 < 'a' }}", "{{ {} | sort | first < 1 }}", "{{ strftime_now('%Y') }}", "{{ range(1000000) }}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}", "{{ {}['a']['b'] }}",
         "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{{ missing | tojson }}", "{{ none.x.y }}", "{{ 'a'.nothing() }}", "{{ 1.x() }}", "{% set ns = {} %}{% set ns.x = 1 %}", "{{ {'a': 1}.update({'b': 2}) }}", "{{ }}", "{% do 1 %}",
         "{{ {[1]: 2} }}", "{{ missing + 1 }}", "{{ -'a' }}", "{% for a, b in [1] %}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{{ 'a' in 1 }}", "{{ [1][::0] }}", "{{ 'x' | int(1, 2, 3, 4) }}", "{{ [1, 'a'] | sort }}", "{% break %}", "{{ '\\x4' }}", "{# x", "{% raw %}x", "{{ $ }}", "{{ a..b }}"]


def talk(rng, system, turns, tools=False):
    messages = [{"role": "system", "content": rng.choice(CONTENTS)}] if system else []
    for turn in range(turns):
        messages.append({"role": "assistant" if turn % 2 else "user", "content": rng.choice(CONTENTS)})
        if tools and turn % 2:
            messages[-1]["tool_calls"] = [{"type": "function", "function": {"name": "weather", "arguments": {"place": rng.choice(CONTENTS), "days": turn}}}]
            messages.append({"role": "tool", "content": rng.choice([rng.choice(CONTENTS), {"t": 1.5, "ok": True}])})
    return messages


SCRAPS = ["{{ ", "}}", "{% ", "%}", "{%- ", "-%}", "{{- ", "-}}", "\n", " ", "'", '"', "(", ")", "[", "]", "{", "}", "|", "|trim", "|length", ".", ",", ":", "+", "-", "*", "/", "~", "==", "<", "in", "not ", "is ", "defined", "if ", "else", "and ", "or ",
          "1", "0", "2.5", "'a'", "[1,2]", "{'a':1}", "messages", "loop.index", "x", "none", "{#", "#}", "\t", "+%}", "é", "\\"]


def mutations(seed, count):
    """Templates with a few places changed: most are wrong, none may do harm."""
    rng = random.Random(seed)
    every = list(jobs(seed, 2))
    for i in range(count):
        _, template, variables = rng.choice(every)
        for _ in range(rng.randrange(1, 4)):
            begin = rng.randrange(len(template) + 1)
            end = min(len(template), begin + rng.randrange(6))
            template = template[:begin] + (rng.choice(SCRAPS) if rng.random() < 0.7 else "") + template[end if rng.random() < 0.7 else begin:]
        yield f"mutation {i}", template, variables


def jobs(seed=1, rounds=12):
    """(name, template, variables) of everything: the same each time."""
    rng = random.Random(seed)
    for name, template in TEMPLATES.items():
        for i in range(rounds):
            tools = name in ("llama-3.1", "qwen3", "hermes", "mistral") and i % 3 == 2
            variables = {"messages": talk(rng, i % 2 == 1, rng.choice([1, 2, 3, 4, 5]), tools and name != "mistral"), "add_generation_prompt": rng.random() < 0.6, "bos_token": "<s>", "eos_token": "</s>"}
            if tools:
                variables["tools"] = TOOLS
                variables["tools_in_user_message"] = rng.random() < 0.5
            if i == 4:
                variables["messages"] = variables["messages"][::-1]
            if i == 3:
                variables["strftime_now"] = "2024-02-29"
            if i == 5:
                variables["enable_thinking"] = False
            if name == "gemma-3" and i % 3 == 1:
                for message in variables["messages"]:
                    message["content"] = [{"type": "image"}, {"type": "text", "text": message["content"]}]
            yield name, template, variables
    variables = {"messages": [{"role": "system", "content": "z"}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "a\n"}], "bos_token": "<s>"}
    for number, line in enumerate(LANGUAGE.strip("\n").split("\n")):
        yield f"language {number}", line, variables
    for number, now in enumerate(("2026-01-31", "1999-12-31 23:59:58", "2024-02-29 00:05:07", "2000-03-01 12:00:00")):
        yield f"moment {number}", "{{ strftime_now('%a %A %b %B %d %e %F %H %I %j %m %M %p %S %y %Y %% é %-d') }} {{ strftime_now is defined }}", {"strftime_now": now}
    for number, text in enumerate(WHITESPACE):
        yield f"white space {number}", text, variables
    for number, text in enumerate(WRONG):
        yield f"wrong {number}", text, variables
